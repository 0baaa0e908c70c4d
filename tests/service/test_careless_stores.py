"""Two real stores that take the headers of conditional writes and ignore them: nothing is entrusted to them.

Run with `make test-stores`, which sets them up in an environment of their own.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.engines import running
from support.starting import refused

from sleap_rtc.local.engine import LOOPBACK, free_port
from sleap_rtc.storage.errors import ExitCode
from sleap_rtc.storage.s3_client import s3_client

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = os.environ.get("SLEAP_RTC_TEST_STORES", "")
SECRET = "long-enough"
pytestmark = pytest.mark.skipif(
    not FOLDER, reason="SLEAP_RTC_TEST_STORES names no folder with rclone and juicefs"
)


@pytest.fixture
def rclone(tmp_path: Path) -> Iterator[str]:
    address = f"{LOOPBACK}:{free_port()}"
    (tmp_path / "data").mkdir()
    command = [str(Path(FOLDER) / "rclone"), "serve", "s3", "--addr", address, str(tmp_path / "data")]
    with running(command, {}, tmp_path, f"http://{address}/"):
        yield f"http://{address}"


@pytest.fixture
def juicefs(tmp_path: Path) -> Iterator[str]:
    address, program = f"{LOOPBACK}:{free_port()}", str(Path(FOLDER) / "juicefs")
    database = f"sqlite3://{tmp_path / 'juicefs.db'}"
    form = ["format", "--storage", "file", "--bucket", f"{tmp_path / 'data'}/", database, "lab"]
    subprocess.run([program, *form], check=True, capture_output=True)
    command = [
        program,
        "gateway",
        "--no-usage-report",
        "--multi-buckets",
        "--cache-dir",
        str(tmp_path / "cache"),
    ]
    users = {"MINIO_ROOT_USER": SECRET, "MINIO_ROOT_PASSWORD": SECRET}
    with running([*command, database, address], users, tmp_path, f"http://{address}/minio/health/live"):
        yield f"http://{address}"


@pytest.mark.parametrize("store", ["rclone", "juicefs"])
def test_no_service_starts_on_a_store_that_ignores_preconditions(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    url = request.getfixturevalue(store)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRET)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    s3 = s3_client("us-east-1", url)
    s3.create_bucket(Bucket="rooms")
    ended = refused(url, "rooms")
    assert ended.returncode == ExitCode.REFUSED
    assert "bucket rooms ignores If-None-Match" in ended.stderr
    assert "Use a store that honours conditional writes" in ended.stderr
    assert "Contents" not in s3.list_objects_v2(Bucket="rooms")
