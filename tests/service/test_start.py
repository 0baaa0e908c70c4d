"""What a service looks at before it serves anybody: one sentence where it cannot."""

from __future__ import annotations

import os
import subprocess
import sys

from support.fault_proxy import FaultProxy, Reply

from sleap_rtc.local.engine import LOOPBACK, free_port
from sleap_rtc.storage.errors import ExitCode


def refused(s3_url: str, bucket: str) -> subprocess.CompletedProcess[str]:
    """Start a service that cannot serve; return how it ended."""
    environment = {
        **os.environ,
        "SLEAP_RTC_S3_ENDPOINT_URL": s3_url,
        "SLEAP_RTC_SQS_ENDPOINT_URL": s3_url,
        "SLEAP_RTC_S3_ROOM_BUCKET": bucket,
    }
    command = [sys.executable, "-m", "sleap_rtc.client", "service", "--port", str(free_port())]
    ended = subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    return ended


def test_a_service_does_not_start_on_a_store_that_ignores_conditions(engine_url: str, bucket: str) -> None:
    with FaultProxy(engine_url) as careless:
        careless.script(r"PUT .*/\.probe/", Reply(200, headers={"ETag": '"always"'}), times=9)
        assert f"bucket {bucket} ignores If-None-Match" in refused(careless.url, bucket).stderr
        assert careless.count(r"DELETE .*/\.probe/") == 1
        assert careless.count("sleap-rtc-uploads") == 0


def test_a_service_does_not_start_without_its_bucket(engine_url: str) -> None:
    ended = refused(engine_url, "nobody-made-it")
    assert (ended.returncode, "nobody-made-it" in ended.stderr) == (ExitCode.NOT_FOUND, True)


def test_a_service_does_not_start_where_no_store_answers() -> None:
    ended = refused(f"http://{LOOPBACK}:{free_port()}", "any")
    assert ended.returncode == ExitCode.UNREACHABLE
