"""Adapter: our upload engine, one file after the other until it is killed.

    python keep_uploading.py ENDPOINT BUCKET KEY FILE

A line is printed once the first upload is under way.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.storage.checksum import crc_of_stream, to_text
from sleap_rtc.storage.file_upload import send_file
from sleap_rtc.storage.manifest import ModelFile
from sleap_rtc.storage.own_session import OwnSession
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore
from sleap_rtc.storage.s3_transfers import S3Transfers

if TYPE_CHECKING:
    from sleap_rtc.storage.progress import TransferProgress


def main() -> None:
    """Upload without end."""
    endpoint, bucket, key, name = sys.argv[1:]
    path, s3 = Path(name), s3_client("us-east-1", endpoint)
    objects, transfers = S3ObjectStore(s3, bucket), S3Transfers(s3, bucket)
    with path.open("rb") as file:
        crc, size_bytes = crc_of_stream(file)
    described = ModelFile(name=path.name, size_bytes=size_bytes, checksum=to_text(crc))
    told = False

    def tell_once(_: TransferProgress) -> None:
        nonlocal told
        if not told:
            print("under way", flush=True)
        told = True

    while True:
        upload = OwnSession.open(objects, transfers, key, size_bytes, described.checksum)
        send_file(path, described, upload, on_progress=tell_once)


if __name__ == "__main__":
    main()
