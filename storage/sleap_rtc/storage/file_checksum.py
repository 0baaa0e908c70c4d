"""Adapter: the CRC64NVME of a whole file that lies here, with progress, given up when nobody wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage.checksum import combine, crc_of_stream
from sleap_rtc.storage.errors import TransferFailed
from sleap_rtc.storage.progress import ProgressHook, TransferProgress, no_progress

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.storage.stop_signal import StopSignal

_PIECE_BYTES = 64 * 1024 * 1024


def crc_of_file(
    path: Path, on_progress: ProgressHook = no_progress, stop: StopSignal | None = None
) -> tuple[int, int]:
    """Return (crc, size in bytes) of a file.

    Raises:
        TransferFailed: `stop` was set.
        OSError: the disk would not have it.
    """
    pieces: list[tuple[int, int]] = []
    total_bytes, done_bytes = path.stat().st_size, 0
    with path.open("rb") as stream:
        while True:
            crc, length = crc_of_stream(stream, _PIECE_BYTES)
            if not length:
                return combine(pieces), done_bytes
            pieces.append((crc, length))
            done_bytes += length
            on_progress(TransferProgress(done_bytes, max(total_bytes, done_bytes)))
            if stop is not None and stop.is_set():
                raise TransferFailed(what=path.name, why="it was stopped")
