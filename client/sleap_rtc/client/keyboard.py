"""Adapter: keys as they are pressed, without Enter, from the terminal that the process has.

The terminal is left as it was found, whatever ends the reading: also by SIGTERM and SIGHUP, which become
exceptions meanwhile. Ctrl-C, Ctrl-Z and Ctrl-\\ keep their meaning.
"""

from __future__ import annotations

import re
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.client.live_keys import BACKSPACE, ENTER, ESCAPE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_NAMED = {"\r": ENTER, "\n": ENTER, "\x1b": ESCAPE, "\x7f": BACKSPACE, "\b": BACKSPACE}
_SEQUENCE = re.compile(r"\x1b[\[O][0-9;?]*[A-Za-z~]")
"""What a terminal sends for arrows and the like (ECMA-48), which are no keys here."""


class Keys(Protocol):
    """A keyboard."""

    def next(self, within_s: float) -> str:
        """Return a key: a character or a name of `live_keys`; empty if none is pressed within this time."""


class Terminated(SystemExit):
    """A signal asked the process to end."""


@contextmanager
def keyboard() -> Iterator[Keys]:
    """Yield the keyboard while the block runs."""
    with _signals_as_exceptions():
        if sys.platform == "win32":
            yield _Console()
        else:
            with _cbreak(sys.stdin.fileno()) as keys:
                yield keys


@contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        del frame
        raise Terminated(128 + number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _key(character: str) -> str:
    return _NAMED.get(character, character if character.isprintable() else "")


if sys.platform == "win32":
    import msvcrt

    class _Console:
        """A Windows console, which has to be asked again and again."""

        def next(self, within_s: float) -> str:
            until = time.monotonic() + within_s
            while not msvcrt.kbhit():
                if time.monotonic() >= until:
                    return ""
                time.sleep(0.02)
            pressed = msvcrt.getwch()
            if pressed in "\x00\xe0":  # a key without a character, whose code follows
                msvcrt.getwch()
                return ""
            return _key(pressed)

else:
    import os
    import select
    import termios
    import tty

    @contextmanager
    def _cbreak(file: int) -> Iterator[_Terminal]:
        before = termios.tcgetattr(file)

        def go_on(number: int, frame: FrameType | None) -> None:
            del number, frame
            tty.setcbreak(file)  # the shell had the terminal while we were stopped

        resumed = signal.signal(signal.SIGCONT, go_on)
        try:
            tty.setcbreak(file)
            yield _Terminal(file)
        finally:
            signal.signal(signal.SIGCONT, resumed)
            termios.tcsetattr(file, termios.TCSADRAIN, before)

    class _Terminal:
        """A terminal that hands over each key at once."""

        def __init__(self, file: int) -> None:
            self._file = file
            self._typed = ""

        def next(self, within_s: float) -> str:
            if not self._typed:
                ready, _, _ = select.select([self._file], [], [], within_s)
                if not ready:
                    return ""
                self._typed = os.read(self._file, 256).decode("utf-8", "ignore")
                if not self._typed:
                    time.sleep(within_s)  # the terminal is gone; its signal follows
                    return ""
            if found := _SEQUENCE.match(self._typed):
                self._typed = self._typed[found.end() :]
                return ""
            key, self._typed = self._typed[0], self._typed[1:]
            return _key(key)
