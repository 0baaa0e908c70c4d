"""Adapter: writes a file that comes over the existing tool's channel to disk, as it comes.

    labels.zip.part      while it comes
    labels.zip           once it is whole

A thread writes. It is given a few frames ahead; once these are waiting, whoever brings the next one waits,
too, and with him the event loop: what nobody reads, the peer's engine does not send. So memory stays bounded
on a disk that is slower than the network.
"""

from __future__ import annotations

import asyncio
import queue
import shutil
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from sleap_rtc.live.legacy_file import Incoming
from sleap_rtc.storage.errors import DiskFull

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.live.legacy_frames import FileMeta

MOST_BYTES = 1 << 40
_FRAMES_AHEAD = 64
_PART = ".part"


class FileOnDisk:
    """One file that comes. It has to be finished or abandoned.

    Args:
        meta: what was announced.
        folder: where it is to lie.
        most_bytes: how large it may be.

    Raises:
        LegacyFileRefused: the name is none, or the file is too large.
        DiskFull: there is no room for it.
        OSError: the folder cannot be written to.
    """

    def __init__(self, meta: FileMeta, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._incoming = Incoming(meta, most_bytes)
        free = shutil.disk_usage(folder).free
        if meta.size_bytes > free:
            raise DiskFull(path=folder, needed_bytes=meta.size_bytes, free_bytes=free)
        self._path = folder / self._incoming.name
        self._part = folder / f"{self._incoming.name}{_PART}"
        self._file = self._part.open("wb")
        self._waiting: queue.Queue[bytes] = queue.Queue(_FRAMES_AHEAD)
        self._error: OSError | None = None
        self._writer = threading.Thread(target=self._write, name="legacy-file", daemon=True)
        self._writer.start()

    @property
    def size_bytes(self) -> int:
        """How large it will be."""
        return self._incoming.size_bytes

    @property
    def got_bytes(self) -> int:
        """How much of it has come."""
        return self._incoming.got_bytes

    def take(self, frame: bytes) -> None:
        """Take a binary frame of the channel.

        Raises:
            LegacyFileRefused: more comes than was announced.
            OSError: the disk does not take it.
        """
        wanted = self._incoming.take(frame)
        if self._error is not None:
            raise self._error
        if wanted:
            self._waiting.put(wanted)

    async def finish(self) -> Path:
        """Return where the whole file lies.

        Raises:
            LegacyFileRefused: bytes are missing.
            OSError: the disk does not take it.
        """
        if tail := self._incoming.end():
            self._waiting.put(tail)
        await asyncio.to_thread(self._close)
        if self._error is not None:
            raise self._error
        self._part.replace(self._path)
        return self._path

    def abandon(self) -> None:
        """Leave nothing of a file that is not whole."""
        self._close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def _close(self) -> None:
        self._waiting.put(b"")
        self._writer.join()

    def _write(self) -> None:
        with self._file:
            while frame := self._waiting.get():
                # After an error the queue is still emptied: somebody may wait to put something into it.
                if self._error is None:
                    try:
                        self._file.write(frame)
                    except OSError as error:
                        self._error = error
