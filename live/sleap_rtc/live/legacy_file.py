"""Pure: one file in the frames of the existing tool's channel: what may come, and when it is whole.

Its wire has no checksum and no offsets: an announcement, the bytes in order, an end. So much can be
told: whether the name is one, and whether the bytes are as many as were announced and no more than are borne.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sleap_rtc.live.errors import LegacyFileRefused
from sleap_rtc.live.legacy_frames import KEEP_ALIVE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sleap_rtc.live.legacy_frames import FileMeta

UP_FRAME_BYTES = 64 * 1024
"""The frames of a client, as large as the existing one's."""
DOWN_FRAME_BYTES = 32 * 1024
"""The frames of a worker, likewise."""

_MOST_NAME_BYTES = 200
"""Of the 255 that file systems take; something may be put before it or behind it."""
_WINDOWS_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)\s*(\..*)?")
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\ud800-\udfff]')


def checked_name(name: str) -> str:
    """Return the name of a file that a peer announced, if it is one on every system.

    Raises:
        LegacyFileRefused: it names a folder, a drive, a device, or nothing.
    """
    unsafe = (
        not name.strip(". ")
        or bool(_NOT_IN_NAMES.search(name))
        or name[-1] in ". "
        or len(name.encode("utf-8", "replace")) > _MOST_NAME_BYTES
        or bool(_WINDOWS_DEVICE.fullmatch(name))
    )
    if unsafe:
        raise LegacyFileRefused(why=f"its name {name!r:.100} is not the plain name of a file")
    return name


class Incoming:
    """A file that comes. Bytes go in, and out again if they are to be written.

    Args:
        meta: what was announced.
        most_bytes: how large a file may be.

    Raises:
        LegacyFileRefused: the name is none, or the file is too large.
    """

    def __init__(self, meta: FileMeta, most_bytes: int) -> None:
        self.name = checked_name(meta.name)
        self.size_bytes = meta.size_bytes
        self.got_bytes = 0
        self._maybe_the_tail = False
        if meta.size_bytes > most_bytes:
            why = f"it has {meta.size_bytes:,} bytes, and {most_bytes:,} is the limit"
            raise LegacyFileRefused(why=why)

    def take(self, frame: bytes) -> bytes:
        """Take a binary frame; return what of it belongs to the file.

        Raises:
            LegacyFileRefused: the file becomes larger than it was announced.
        """
        if frame == KEEP_ALIVE:
            # The file may really end so. Only its end will tell.
            self._maybe_the_tail = self.size_bytes - self.got_bytes == len(KEEP_ALIVE)
            return b""
        self.got_bytes += len(frame)
        if self.got_bytes > self.size_bytes:
            raise LegacyFileRefused(why=f"it was to have {self.size_bytes:,} bytes, and more came")
        return frame

    def end(self) -> bytes:
        """End the file; return what is still to be written.

        Raises:
            LegacyFileRefused: bytes are missing.
        """
        missing = self.size_bytes - self.got_bytes
        if missing == len(KEEP_ALIVE) and self._maybe_the_tail:
            self.got_bytes += missing
            return KEEP_ALIVE
        if missing:
            raise LegacyFileRefused(
                why=f"it was to have {self.size_bytes:,} bytes, and {self.got_bytes:,} came"
            )
        return b""


def frames_of(piece: bytes, frame_bytes: int) -> Iterator[bytes]:
    """Yield a piece of a file as binary frames, none of which looks like a keep-alive."""
    for start in range(0, len(piece), frame_bytes):
        frame = piece[start : start + frame_bytes]
        if frame == KEEP_ALIVE:
            yield frame[:1]
            yield frame[1:]
        else:
            yield frame
