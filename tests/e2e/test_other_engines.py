"""The same story on LocalStack, and with SeaweedFS as the store: engines that check every signature."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.engines import running_localstack

from sleap_rtc.local.engine import start_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def demo(home: Path, *options: str) -> str:
    """Run the demo to its end and return what it printed."""
    told = subprocess.run(
        [sys.executable, "-m", "sleap_rtc.client", "demo", *options],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


@pytest.fixture
def localstack_url(tmp_path: Path) -> Iterator[str]:
    with running_localstack(tmp_path) as url:
        yield url


@pytest.mark.localstack
def test_the_demo_on_localstack_by_its_own_notifications(
    localstack_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from localstack_client.session import Session

    told = demo(tmp_path, "--engine-url", localstack_url)
    assert "Every hop was verified." in told
    assert "S3 notice model.json@" in told

    monkeypatch.setenv("AWS_ENDPOINT_URL", localstack_url)
    session = Session(aws_access_key_id="test", aws_secret_access_key="test")
    queues = session.client("sqs").list_queues()["QueueUrls"]
    assert {url.rpartition("/")[2] for url in queues} >= {
        "sleap-rtc-upload-events",
        "sleap-rtc-upload-events-dlq",
        "sleap-rtc-model-events",
        "sleap-rtc-model-events-dlq",
    }
    notified = session.client("s3").get_bucket_notification_configuration(Bucket="sleap-rtc-uploads")
    assert notified["QueueConfigurations"][0]["QueueArn"].endswith(":sleap-rtc-upload-events")


@pytest.mark.seaweedfs
def test_the_demo_on_a_store_that_checks_everything_and_sends_no_events(
    seaweedfs_url: str, tmp_path: Path
) -> None:
    """SeaweedFS has no notifications to SQS, so here the sweep does all that events would have done."""
    (tmp_path / "queues").mkdir()
    engine, queues_url = start_engine(tmp_path / "queues", tmp_path / "queues.log")
    try:
        told = demo(tmp_path, "--engine-url", queues_url, "--s3-url", seaweedfs_url)
    finally:
        engine.stop()
    assert "Every hop was verified." in told
    assert "reconcile" in told
