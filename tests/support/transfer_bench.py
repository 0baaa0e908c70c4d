"""Uploads and downloads between a file and a real S3 server, through a proxy that can be told to fail."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.download_engine import RemoteObject, download
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.own_session import OwnSession
from sleap_rtc.storage.part_plan import SMALLEST_PART_BYTES, PartPlan
from sleap_rtc.storage.s3_store import S3ObjectStore
from sleap_rtc.storage.s3_transfers import S3Transfers
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.storage.upload_engine import UploadEngine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from types_boto3_s3 import S3Client

    from sleap_rtc.storage.progress import ProgressHook, TransferProgress
    from sleap_rtc.storage.upload_session import PartToSign, SentPart
    from support.fault_proxy import FaultProxy

KEY = "uploads/lab/data"


def noise(size_bytes: int, seed: int = 0) -> bytes:
    """Return bytes that look like nothing else."""
    return random.Random(seed).randbytes(size_bytes)


class CountingSession(OwnSession):
    """Notes which parts were signed, batch by batch."""

    batches: list[list[int]]

    def sign(self, parts: Sequence[PartToSign]) -> Mapping[int, str]:
        """Return a URL for each part."""
        self.batches.append([part.number for part in parts])
        return super().sign(parts)


class UploadBench:
    """One file, one open multipart upload, and what an engine reported of them."""

    def __init__(self, proxy: FaultProxy, client: S3Client, bucket: str, path: Path) -> None:
        self.proxy = proxy
        self.path = path
        self.objects = S3ObjectStore(client, bucket)
        self.transfers = S3Transfers(client, bucket)
        self.recorded: list[SentPart] = []
        self.progress: list[TransferProgress] = []
        self.content = b""

    def open(self, size_bytes: int, part_size_bytes: int = SMALLEST_PART_BYTES) -> None:
        """Write the file and open an upload for it."""
        self.content = noise(size_bytes)
        self.path.write_bytes(self.content)
        self.plan = PartPlan(size_bytes, part_size_bytes)
        self.upload = self.transfers.create(KEY, "application/zip", {"upload-id": "lab-1"})
        self.session = CountingSession(self.objects, self.transfers, KEY, self.upload, size_bytes)
        self.session.batches = []

    def send(self, **options: Any) -> int:
        """Run an engine that goes on from what earlier ones recorded."""
        given = {"on_part": self.recorded.append, "on_progress": self.progress.append, **options}
        done = list(self.recorded)
        return UploadEngine(self.path, self.plan, self.session, done=done, **given).run()

    def puts(self, number: int) -> int:
        """Return how often a part was sent."""
        return self.proxy.count(rf"PUT .*partNumber={number}\b")

    def assert_sends(self, **options: Any) -> None:
        """Fail unless the engine brings the whole file over, each part acknowledged once."""
        assert self.send(**options) == crc64nvme(self.content)
        assert self.objects.get(KEY).body == self.content
        numbers = [part.number for part in self.recorded]
        assert sorted(numbers) == [part.number for part in self.plan.parts()]

    def assert_nothing_completed(self) -> None:
        """Fail if there is an object, or if the upload is not open any more."""
        assert list(self.objects.list(KEY)) == []
        held = self.transfers.list_parts(KEY, self.upload.s3_upload_id)
        assert {part.number: part.etag for part in self.recorded}.items() <= {
            number: etag for number, (etag, _) in held.items()
        }.items()


class DownloadBench:
    """One object, and a folder that it is downloaded into."""

    def __init__(self, proxy: FaultProxy, client: S3Client, bucket: str, folder: Path) -> None:
        self.proxy = proxy
        self.target = folder / "data.zip"
        self.objects = S3ObjectStore(client, bucket)
        self.transfers = S3Transfers(client, bucket)
        self.progress: list[TransferProgress] = []
        self.signatures = 0
        self.content = b""

    def store(self, size_bytes: int) -> None:
        """Put the object that is to be downloaded."""
        self.content = noise(size_bytes)
        self.etag = self.objects.put(KEY, self.content, Overwrite())

    def replace(self) -> None:
        """Put other bytes of the same length in its place."""
        self.objects.put(KEY, noise(len(self.content), seed=1), Overwrite())

    def signed_url(self) -> str:
        """Return a fresh URL."""
        self.signatures += 1
        return self.transfers.sign_get(KEY)

    def fetch(
        self,
        threads: int = 4,
        on_progress: ProgressHook | None = None,
        traffic: Traffic = SILENT,
        **wrong: Any,
    ) -> None:
        """Download the object, or what `wrong` says of it."""
        told = {
            "name": "The dataset",
            "size_bytes": len(self.content),
            "etag": self.etag,
            "checksum": to_text(crc64nvme(self.content)),
            "signed_url": self.signed_url,
        }
        source = RemoteObject(**{**told, **wrong})
        noted = on_progress or self.progress.append
        download(source, self.target, threads=threads, on_progress=noted, traffic=traffic)

    def assert_fetches(self) -> None:
        """Fail unless the whole object arrives and nothing else."""
        self.fetch()
        assert self.target.read_bytes() == self.content
        assert list(self.target.parent.iterdir()) == [self.target]

    def assert_nothing_left(self) -> None:
        """Fail if the folder has anything in it."""
        assert list(self.target.parent.iterdir()) == []
