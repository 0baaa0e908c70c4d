"""Orchestration: whether an upload that was cut can be gone on with, and with which of its parts.

What an earlier run left is compared with the file (size, and the CRC of every part that S3 acknowledged) and
with what S3 holds. Only what agrees in all three is kept.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.storage.checksum import crc_of_stream, from_text
from sleap_rtc.storage.errors import FileUnreadable, NotFound, SleapRtcError
from sleap_rtc.storage.progress import TransferProgress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.events.api import UploadStatus
    from sleap_rtc.storage.progress import ProgressHook
    from sleap_rtc.storage.upload_state import UploadHeader, UploadState

_READERS = 4


@dataclass(frozen=True)
class Wanted:
    """What is asked for now: which file, for whom, for what."""

    path: Path
    size_bytes: int
    room_id: str
    job: str


def resumable(
    service: ServiceClient,
    state: UploadState,
    wanted: Wanted,
    say: Callable[[str], None],
    on_progress: ProgressHook,
) -> UploadStatus | None:
    """Return the upload to go on with, its parts in `state.parts`; None if there is to be a new one.

    An upload that cannot be gone on with is aborted, so that what it holds costs nobody anything.

    Args:
        service: knows the earlier upload.
        state: what the earlier run left; parts that S3 lost are taken out of it.
        wanted: what is asked for now.
        say: told in a sentence why there is a new start.
        on_progress: called as the parts that were sent are read again.
    """
    header = state.header
    if header is None or header.service != service.url:
        return None
    try:
        status = service.upload_status(header.upload_id)
    except NotFound:
        say("The earlier upload is gone; starting again.")
        return None
    if status.state in {"aborted", "expired"}:
        say(f"The earlier upload was {status.state}; starting again.")
        return None
    why_not = _why_not(header, state, wanted, status, on_progress)
    if why_not is None:
        return status
    say(f"{why_not}; starting again.")
    if status.state == "open":
        try:
            service.abort_upload(status.upload_id)
        except SleapRtcError as error:
            say(f"The earlier upload could not be aborted: {error}")
    return None


def _why_not(
    header: UploadHeader, state: UploadState, wanted: Wanted, status: UploadStatus, on_progress: ProgressHook
) -> str | None:
    before = (header.room_id, header.job, header.file.size_bytes)
    if before != (wanted.room_id, wanted.job, wanted.size_bytes):
        return "The file, the room or the job is another one than last time"
    if status.state == "open":
        held = {number: part.etag for number, part in status.parts.items()}
        for number in [n for n, part in state.parts.items() if held.get(n) != part.etag]:
            del state.parts[number]
    if status.state == "completed":
        same = crc_of_file(wanted.path, 0, status.size_bytes) == from_text(status.checksum)
    else:
        same = _same_bytes(header, state, wanted.path, on_progress)
    return None if same else f"{wanted.path.name} changed since the last run"


def _same_bytes(header: UploadHeader, state: UploadState, path: Path, on_progress: ProgressHook) -> bool:
    """Read every part that was acknowledged again and compare its CRC."""
    parts = list(state.parts.values())
    same_bytes = 0
    with ThreadPoolExecutor(_READERS, thread_name_prefix="verify") as readers:
        found = readers.map(
            lambda part: crc_of_file(path, header.plan.part(part.number).offset, part.length), parts
        )
        for part, crc in zip(parts, found, strict=True):
            if crc != part.crc:
                readers.shutdown(wait=False, cancel_futures=True)
                return False
            same_bytes += part.length
            on_progress(TransferProgress(same_bytes, header.file.size_bytes, same_bytes))
    return True


def crc_of_file(path: Path, offset: int, length: int) -> int:
    """Return the CRC64NVME of a piece of a file.

    Raises:
        FileUnreadable: the disk or the system would not have it.
    """
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            return crc_of_stream(file, length)[0]
    except OSError as error:
        raise FileUnreadable(path=path, why=error.strerror or str(error)) from error
