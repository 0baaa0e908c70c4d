"""Fixtures: a real S3 + SQS + SNS engine for each test process, and fresh buckets and queues in it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import hypothesis
import pytest
from support.engines import running_localstack, running_moto, running_seaweedfs
from support.product import Product

from sleap_rtc.local.engine import start_engine
from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.local.issuer import LocalIssuer
from sleap_rtc.storage.s3_client import s3_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from types_boto3_s3 import S3Client


# How long an example takes says nothing on a machine that has other things to do.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")


@pytest.fixture(scope="session")
def engine_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a MiniStack that lives as long as the test process."""
    folder = tmp_path_factory.mktemp("engine")
    engine, url = start_engine(folder, folder / "engine.log")
    yield url
    engine.stop()


@pytest.fixture(scope="session")
def ministack_url(engine_url: str) -> str:
    """Return the address of MiniStack, for tests that go over several engines."""
    return engine_url


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """Return the address of moto's server."""
    with running_moto() as url:
        yield url


@pytest.fixture(scope="session")
def localstack_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of LocalStack."""
    with running_localstack(tmp_path_factory.mktemp("localstack")) as url:
        yield url


@pytest.fixture(scope="session")
def token_issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalIssuer]:
    """Return whoever issues tokens, for tests that run a part of the service in their own process."""
    issuer = LocalIssuer(tmp_path_factory.mktemp("identity"))
    yield issuer
    issuer.close()


@pytest.fixture(scope="session")
def seaweedfs_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of SeaweedFS."""
    with running_seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as url:
        yield url


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the user's home, settings and credentials."""
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "USERPROFILE", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(home)


@pytest.fixture
def s3(engine_url: str) -> S3Client:
    """Return an S3 client on the engine."""
    return s3_client("us-east-1", engine_url)


@pytest.fixture
def bucket(s3: S3Client) -> str:
    """Return the name of a new, empty bucket."""
    name = f"b-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Return a product on the embedded engine."""
    product = Product(tmp_path_factory.mktemp("product"))
    with product.stack:
        yield product


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a training package of several parts whose name has spaces and umlauts."""
    path = tmp_path_factory.mktemp("package") / "Meine Mäuse 1.zip"
    make_example_package(path, frames=100)
    return path


@pytest.fixture(scope="session")
def small_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a training package of one part that trains in no time."""
    path = tmp_path_factory.mktemp("package") / "small.zip"
    make_example_package(path, frames=12, size=64)
    return path
