"""The manifests that Terraform renders are those of worker/deploy."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "infra" / "terraform" / "modules" / "workers" / "manifests"
DEPLOY = ROOT / "worker" / "deploy"
EXAMPLE = {
    "room": "3f2a91c0",
    "object_name": "sleap-rtc-worker-3f2a91c0",
    "most": "4",
    "image": "images.example.org/sleap-rtc-worker:0.1.0",
    "namespace": "sleap-rtc",
    "service_account": "sleap-rtc-worker",
    "worker_role_arn": "arn:aws:iam::123456789012:role/sleap-rtc-worker",
    "scaler_role_arn": "arn:aws:iam::123456789012:role/sleap-rtc-scaler",
    "queue_url": "https://sqs.us-east-1.amazonaws.com/123456789012/sleap-rtc-jobs-3f2a91c0",
    "region": "us-east-1",
    "uploads_bucket": "sleap-rtc-uploads",
    "rooms_bucket": "sleap-rtc-rooms",
    "more_environment": "",
}


def documents(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


@pytest.mark.parametrize(
    ("template", "file"),
    [("keda.yaml.tftpl", "keda-scaledjob.yaml"), ("runai.yaml.tftpl", "runai-workload.yaml")],
)
def test_a_template_with_the_examples_is_the_manifest(template: str, file: str) -> None:
    rendered = Template((MANIFESTS / template).read_text("utf-8")).substitute(EXAMPLE)
    assert documents(rendered) == documents((DEPLOY / file).read_text("utf-8"))


def test_every_name_in_a_template_is_one_that_the_module_gives() -> None:
    given = (MANIFESTS.parent / "main.tf").read_text("utf-8")
    assert [name for name in EXAMPLE if f" {name} " not in given] == []
