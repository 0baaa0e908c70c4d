"""Which credentials of boto3's chain a worker has, and that it says so without saying them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import boto3
import botocore.session
import pytest

from sleap_rtc.settings import Settings
from sleap_rtc.storage.errors import Refused
from sleap_rtc.worker.credentials import credentials_method, in_words, way_of
from sleap_rtc.worker.room_connection import dataset_source
from sleap_rtc.worker.s3_datasets import S3Datasets
from sleap_rtc.worker.service_datasets import ServiceDatasets

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "wJalrXUtnFEMI"


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(
        boto3, "DEFAULT_SESSION", None
    )  # it would keep this test's keys for the tests to come


def keys_in_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    environment.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


def a_role_by_web_identity(environment: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "token").write_text(SECRET)
    environment.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/sleap-rtc-worker")
    environment.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(folder / "token"))


def a_credentials_file(environment: pytest.MonkeyPatch, folder: Path) -> None:
    lines = ("[default]", "aws_access_key_id = AKIAEXAMPLE", f"aws_secret_access_key = {SECRET}")
    (folder / "credentials").write_text("\n".join(lines))
    environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))


def chosen() -> tuple[type, str]:
    """Let the wiring choose; return which source it took and what the log says."""
    method = credentials_method()
    line = way_of(method, "https://lab.example")
    assert "AKIA" not in line
    assert SECRET not in line
    return type(dataset_source(Settings(), method)), line


def test_without_credentials_all_goes_through_the_service() -> None:
    assert chosen() == (
        ServiceDatasets,
        "no AWS credentials; jobs, datasets and models go through the service at https://lab.example",
    )


def test_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    keys_in_the_environment(monkeypatch)
    line = "jobs, datasets and models with the keys in the environment (AWS_ACCESS_KEY_ID)"
    assert chosen() == (S3Datasets, line)


def test_a_role_of_a_pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    a_role_by_web_identity(monkeypatch, tmp_path)
    line = "jobs, datasets and models with an IAM role by web identity (AWS_ROLE_ARN)"
    assert chosen() == (S3Datasets, line)


def test_a_credentials_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    a_credentials_file(monkeypatch, tmp_path)
    assert chosen() == (S3Datasets, "jobs, datasets and models with the AWS credentials file")


def test_the_environment_comes_before_the_file_as_in_every_aws_tool(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    a_credentials_file(monkeypatch, tmp_path)
    keys_in_the_environment(monkeypatch)
    assert credentials_method() == "env"


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_PROFILE", "lab", "lab"),
    ],
)
def test_credentials_that_cannot_be_used_are_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Refused, match=rf"AWS credentials cannot be used \(.*{why}"):
        credentials_method()


def test_every_method_of_the_chain_has_words() -> None:
    chain = botocore.session.Session().get_component("credential_provider").providers
    assert [each.METHOD for each in chain if "of the kind" in in_words(each.METHOD)] == []
    assert in_words("tomorrow") == "AWS credentials of the kind tomorrow"
