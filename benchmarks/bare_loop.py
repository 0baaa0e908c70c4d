"""Orchestration: the commands of the bare loop, which is what the same bytes cost at least."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from ground import BUCKET, MIB
from peers import PROGRAMS

if TYPE_CHECKING:
    from pathlib import Path

    from ground import Ground

PART_BYTES = 8 * MIB
_KEY = "bare"


class BareLoop:
    """Moves one file in the parts that S3 asks for, over URLs that were signed before.

    Args:
        ground: the store.
        size_bytes: of the file.
        source_key: the object of the benchmark's bucket that is downloaded.
    """

    def __init__(self, ground: Ground, size_bytes: int, source_key: str) -> None:
        self._ground = ground
        self._offsets = range(0, size_bytes, PART_BYTES)
        self._size_bytes = size_bytes
        self._source_key = source_key

    def upload(self, file: Path) -> list[str]:
        """Return the command that sends the file as parts of an upload that stays open."""
        upload_id = self._ground.s3.create_multipart_upload(Bucket=BUCKET, Key=_KEY)["UploadId"]
        urls = [
            self._ground.s3.generate_presigned_url(
                "upload_part",
                Params={"Bucket": BUCKET, "Key": _KEY, "UploadId": upload_id, "PartNumber": number},
            )
            for number, _ in enumerate(self._offsets, start=1)
        ]
        return self._command("upload", file, urls)

    def download(self, file: Path) -> list[str]:
        """Return the command that fetches the object."""
        url = self._ground.sign_get(self._ground.store.url, BUCKET, self._source_key)
        return self._command("download", file, [url] * len(self._offsets))

    def abort(self) -> None:
        """Free what the uploads hold."""
        for upload in self._ground.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
            self._ground.s3.abort_multipart_upload(
                Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"]
            )

    @staticmethod
    def start_up() -> list[str]:
        """Return the command that only loads what the loop loads."""
        return [sys.executable, "-c", "import json, os, socket, sys; from awscrt import checksums"]

    def _command(self, direction: str, file: Path, urls: list[str]) -> list[str]:
        requests = self._ground.folder / f"bare-{direction}.json"
        requests.write_text(
            json.dumps(
                [
                    (url, offset, min(PART_BYTES, self._size_bytes - offset))
                    for url, offset in zip(urls, self._offsets, strict=True)
                ]
            )
        )
        return [sys.executable, str(PROGRAMS / "bare_copy.py"), direction, str(file), str(requests)]
