"""Adapter: a dataset in S3, and uploads to it by our own engine that keep a machine busy."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from live_sessions import PROGRAMS

from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.part_plan import MIB
from sleap_rtc.storage.s3_client import s3_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "bench"
"""Whoever starts the store makes it."""
_UPLOAD_MIB = 64


def dataset(store_url: str, over_url: str, target: Path, size_mib: int) -> str:
    """Make a dataset; return what `live_worker.py` is told of it.

    Args:
        store_url: of the store.
        over_url: the address over which the worker fetches it.
        target: where it is to lie.
        size_mib: its size.
    """
    content, key = bytes(size_mib * MIB), "dataset"
    etag = s3_client("us-east-1", store_url).put_object(Bucket=BUCKET, Key=key, Body=content)["ETag"]
    signing = s3_client("us-east-1", over_url)
    told = {
        "url": signing.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key}),
        "etag": etag,
        "checksum": to_text(crc64nvme(content)),
        "size_bytes": len(content),
        "target": str(target),
    }
    return json.dumps(told)


@contextmanager
def uploading(file: Path, store_url: str, processes: int) -> Iterator[None]:
    """Have so many processes upload files, as fast as they can, while the block runs."""
    file.write_bytes(bytes(_UPLOAD_MIB * MIB))
    command = [sys.executable, str(PROGRAMS / "keep_uploading.py"), store_url, BUCKET]
    with ExitStack() as stack:
        started = []
        for number in range(processes):
            process = subprocess.Popen([*command, f"upload-{number}", str(file)], stdout=subprocess.PIPE)
            stack.callback(_end, process)
            started.append(process)
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline(), "an upload did not begin"
        yield


def _end(process: subprocess.Popen[bytes]) -> None:
    with process:
        process.kill()
