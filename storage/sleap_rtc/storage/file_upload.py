"""Orchestration: sends one file that was described before, and no other bytes; whoever signs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.storage.checksum import to_text
from sleap_rtc.storage.errors import FileChanged, SleapRtcError
from sleap_rtc.storage.part_plan import plan_parts
from sleap_rtc.storage.progress import ProgressHook, no_progress
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.storage.transfer_hold import TransferHold
from sleap_rtc.storage.upload_engine import UploadEngine
from sleap_rtc.storage.upload_session import UploadSession

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sleap_rtc.storage.bandwidth import Throttle
    from sleap_rtc.storage.manifest import ModelFile
    from sleap_rtc.storage.stop_signal import StopSignal
    from sleap_rtc.storage.upload_session import PartToSign, SentPart


class FileUpload(UploadSession, Protocol):
    """The open upload of one file."""

    def abort(self) -> None:
        """Give it up and free its parts."""


def send_file(
    path: Path,
    file: ModelFile,
    upload: FileUpload,
    *,
    largest_part_bytes: int = 100_000_000,
    threads: int = 10,
    throttle: Throttle | None = None,
    on_progress: ProgressHook = no_progress,
    hold: TransferHold | None = None,
    traffic: Traffic = SILENT,
) -> None:
    """Send a file that is not empty; where that fails, nothing of it stays.

    Raises:
        FileChanged: it is not the file that was described any more.
        TransferFailed: the store or the network would not take it.
        TransferCancelled: somebody cancelled it.
    """
    sent: list[SentPart] = []

    def send_the_rest(stop: StopSignal) -> None:
        UploadEngine(
            path,
            plan_parts(file.size_bytes, largest_part_bytes),
            _Checked(upload, path, file.checksum),
            done=list(sent),
            threads=threads,
            throttle=throttle,
            on_part=sent.append,
            on_progress=on_progress,
            stop=stop,
            traffic=traffic,
        ).run()

    try:
        (hold or TransferHold()).carry(file.name, send_the_rest)
    except BaseException:
        # What went wrong first is what is told; an upload that stays open is seen by nobody.
        with suppress(SleapRtcError):
            upload.abort()
        raise


class _Checked:
    """An upload that is not completed with other bytes than were described."""

    def __init__(self, upload: FileUpload, path: Path, checksum: str) -> None:
        self._upload = upload
        self._path = path
        self._checksum = checksum

    def sign(self, parts: Sequence[PartToSign]) -> Mapping[int, str]:
        return self._upload.sign(parts)

    def complete(self, parts: Sequence[SentPart], crc: int) -> None:
        if to_text(crc) != self._checksum:
            raise FileChanged(path=self._path)
        self._upload.complete(parts, crc)
