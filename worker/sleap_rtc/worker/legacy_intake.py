"""Orchestration: what a client of the existing tool brings: a package on disk, and what to do with it.

    PACKAGE_TYPE, OUTPUT_DIR     before the file, in any order; what is missing is a training into `models`
    FILE_META                    once
    bytes                        as many as announced
    END_OF_FILE

Anything else in this order is refused with a reason. After that nothing more is looked at.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.live.errors import LegacyFileRefused
from sleap_rtc.live.legacy_frames import (
    KEEP_ALIVE,
    TRACK,
    TRAIN,
    EndOfFile,
    FileMeta,
    LegacyFrame,
    OutputDir,
    PackageType,
)
from sleap_rtc.live.legacy_inbox import FileOnDisk
from sleap_rtc.storage.errors import SleapRtcError

if TYPE_CHECKING:
    from pathlib import Path

STALLED_AFTER_S = 60.0
"""A client that connects sends at once; one that brings nothing keeps the worker from everybody else."""
_DEFAULT_OUTPUT = "models"


@dataclass(frozen=True)
class Parcel:
    """A package that came whole.

    Attributes:
        path: of the zip file.
        kind: `train` or `track`.
        output_dir: where the client wants the results, as it said it.
        wants_progress: whether it wants the engine's messages.
    """

    path: Path
    kind: str = TRAIN
    output_dir: str = _DEFAULT_OUTPUT
    wants_progress: bool = False

    @property
    def stem(self) -> str:
        """The package's name without `.zip`."""
        return self.path.name.removesuffix(".zip")


class Intake:
    """Takes the frames of one package.

    Args:
        folder: where the file is to lie; empty.
    """

    def __init__(self, folder: Path) -> None:
        self.kind = TRAIN
        """What is to be done, as far as it is known."""
        self._folder = folder
        self._output_dir = _DEFAULT_OUTPUT
        self._meta: FileMeta | None = None
        self._file: FileOnDisk | None = None
        self._error: SleapRtcError | OSError | None = None
        self._ended = asyncio.Event()
        self._moves = 0

    @property
    def name(self) -> str:
        """What to call the job before its configurations are known."""
        return self._meta.name.removesuffix(".zip") if self._meta is not None else "package"

    def take(self, frame: LegacyFrame | bytes) -> None:
        """Take a frame; what is wrong with it is told by `whole`."""
        if self._ended.is_set():
            return
        try:
            self._take(frame)
        except (SleapRtcError, OSError) as error:
            self._error = error
            self._ended.set()

    async def whole(self) -> Parcel:
        """Wait for the whole package.

        Raises:
            LegacyFileRefused: it does not come, or not as it was announced, or in no order.
            DiskFull: there is no room for it.
            OSError: the disk does not take it.
        """
        while not self._ended.is_set():
            before = self._moves
            with suppress(TimeoutError):
                async with asyncio.timeout(STALLED_AFTER_S):
                    await self._ended.wait()
            if not self._ended.is_set() and self._moves == before:
                raise LegacyFileRefused(why=f"nothing of it came for {STALLED_AFTER_S:g} s")
        if self._error is not None:
            raise self._error
        if self._file is None or self._meta is None:
            raise LegacyFileRefused(why="it was given up")
        path = await self._file.finish()
        return Parcel(path, self.kind, self._output_dir, self._meta.wants_progress)

    def abandon(self) -> None:
        """Leave nothing of a package that is not whole."""
        self._ended.set()
        if self._file is not None:
            self._file.abandon()

    def _take(self, frame: LegacyFrame | bytes) -> None:
        match frame:
            case bytes():
                self._bytes(frame)
                return
            case PackageType(kind):
                if kind not in {TRAIN, TRACK}:
                    raise LegacyFileRefused(why=f"it is a package of no known kind, {kind!r:.40}")
                self.kind = kind
            case OutputDir(path):
                self._output_dir = path
            case FileMeta():
                if self._file is not None:
                    raise LegacyFileRefused(why="another file was announced before it was whole")
                self._meta = frame
                self._file = FileOnDisk(frame, self._folder)
            case EndOfFile():
                if self._file is None:
                    raise LegacyFileRefused(why="it ended before it was announced")
                self._ended.set()
            case _:
                return  # a line, or what a later version says
        self._moves += 1

    def _bytes(self, frame: bytes) -> None:
        if self._file is not None:
            before = self._file.got_bytes
            self._file.take(frame)
            self._moves += self._file.got_bytes > before
        elif frame != KEEP_ALIVE:
            raise LegacyFileRefused(why="its bytes came before its announcement")
