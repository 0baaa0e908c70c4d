"""Orchestration: brings what an inference made to this machine, verified, and over no other file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from sleap_rtc.client.joint_progress import JointProgress
from sleap_rtc.client.resume import crc_of_file
from sleap_rtc.storage.checksum import to_text
from sleap_rtc.storage.download_engine import RemoteObject, download
from sleap_rtc.storage.errors import InputError, NotFound
from sleap_rtc.storage.keys import is_file_name
from sleap_rtc.storage.progress import ProgressHook, no_progress
from sleap_rtc.storage.progress_guard import GuardedHook
from sleap_rtc.storage.traffic import SILENT, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.events.api import FileDownload


class ResultInTheWay(InputError):
    """Another file lies at {path}, so nothing was written. Say --force to have it replaced, or put the
    predictions elsewhere with --output."""

    path: Path


class BroughtResult(BaseModel):
    """A file of predictions that is here, and what was verified of it."""

    model_config = ConfigDict(frozen=True)

    path: Path
    size_bytes: int
    checksum: str


def bring_results(
    service: ServiceClient,
    room_id: str,
    job_id: str,
    place: Callable[[Sequence[str]], Sequence[Path]],
    may_replace: Callable[[Path], bool],
    on_progress: ProgressHook = no_progress,
    traffic: Traffic = SILENT,
) -> list[BroughtResult]:
    """Download every file, and verify it; one that is in its place already is read and not downloaded.

    Args:
        service: signs the URLs.
        room_id: the room.
        job_id: the job.
        place: returns where files of these names are to lie.
        may_replace: tells whether another file at such a place may be replaced.
        on_progress: called as bytes are verified.
        traffic: is told of requests and bytes.

    Raises:
        NotFound: there is no such job.
        InputError: the job has no predictions.
        ResultInTheWay: another file lies where one is to lie; nothing was written.
        IntegrityError, DiskFull, TransferFailed: as `download` does.
    """
    offers = service.job_results(room_id, job_id).files
    for offer in offers:
        if not is_file_name(offer.name):
            raise InputError(message=f"{offer.name[:128]!r} is not a name that predictions can have.")
    targets = place([offer.name for offer in offers])
    placed = list(zip(offers, targets, strict=True))
    missing = [(offer, target) for offer, target in placed if not _is_there(target, offer)]
    for _, target in missing:
        check_free(target, may_replace)
    together = JointProgress(sum(offer.size_bytes for offer in offers), GuardedHook(on_progress))
    for offer, target in placed:
        if (offer, target) in missing:
            source = _source(service, room_id, job_id, offer)
            download(source, target, on_progress=together.step, traffic=traffic.of("results"))
            together.end_of_file(offer.size_bytes)
        else:
            together.skip(offer.size_bytes)
    return [
        BroughtResult(path=target, size_bytes=offer.size_bytes, checksum=offer.checksum)
        for offer, target in placed
    ]


def check_free(target: Path, may_replace: Callable[[Path], bool]) -> None:
    """Look whether a file may be written at a place. Raises ResultInTheWay."""
    if target.is_dir() or ((target.exists() or target.is_symlink()) and not may_replace(target)):
        raise ResultInTheWay(path=target)


def _is_there(target: Path, offer: FileDownload) -> bool:
    if not target.is_file() or target.stat().st_size != offer.size_bytes:
        return False
    return to_text(crc_of_file(target, 0, offer.size_bytes)) == offer.checksum


def _source(service: ServiceClient, room_id: str, job_id: str, offer: FileDownload) -> RemoteObject:
    first = iter([offer.url])

    def signed_url() -> str:
        url = next(first, None)
        if url is not None:
            return url
        for again in service.job_results(room_id, job_id).files:
            if (again.name, again.checksum) == (offer.name, offer.checksum):
                return again.url
        raise NotFound(what=f"result {offer.name} of job {job_id}")

    return RemoteObject(
        name=f"The result {offer.name}",
        size_bytes=offer.size_bytes,
        etag=offer.etag,
        checksum=offer.checksum,
        signed_url=signed_url,
    )
