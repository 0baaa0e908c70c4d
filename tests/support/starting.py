"""Services that are started where they cannot serve."""

from __future__ import annotations

import os
import subprocess
import sys

from sleap_rtc.local.engine import free_port


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
