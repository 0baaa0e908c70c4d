"""The keyboard on a real terminal, and the terminal afterwards, whatever ends the reading."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sleap_rtc.client.live_keys import BACKSPACE, ENTER, ESCAPE

if TYPE_CHECKING:
    from collections.abc import Iterator

termios = pytest.importorskip("termios")
pty = pytest.importorskip("pty")

READS = """
import sys
from sleap_rtc.client.keyboard import keyboard
with keyboard() as keys:
    print("ready", flush=True)
    while True:
        key = keys.next(0.05)
        if key == "!":
            raise RuntimeError("the test wants it")
        if key == "q":
            break
        if key:
            print(ascii(key), flush=True)
print("left", flush=True)
"""


class Terminal:
    """A terminal, and a process that reads keys from it."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        self.before = termios.tcgetattr(self._slave)
        self.process = subprocess.Popen(
            [sys.executable, "-c", READS],
            stdin=self._slave,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.said() == "ready"

    def said(self) -> str:
        """Return the next line of the process."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def press(self, text: str) -> None:
        os.write(self._master, text.encode())

    @property
    def now(self) -> list[object]:
        return list(termios.tcgetattr(self._slave))

    def ended(self) -> int:
        """Wait for the end; return the exit status."""
        self.process.communicate(timeout=60)
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("p", ["p"]),
        ("äx", ["ä", "x"]),
        ("\r", [ENTER]),
        ("\x7f", [BACKSPACE]),
        ("\x1b", [ESCAPE]),
        ("\x1b[Ap\x1b[1;5D\x1b[3~\x1bOPr", ["p", "r"]),
        ("\t\x01v", ["v"]),
    ],
)
def test_keys_come_one_by_one_and_at_once(terminal: Terminal, typed: str, keys: list[str]) -> None:
    terminal.press(typed)
    assert [terminal.said() for _ in keys] == [ascii(key) for key in keys]
    terminal.press("x1")
    assert [terminal.said(), terminal.said()] == ["'x'", "'1'"]


def test_what_is_typed_is_not_echoed_meanwhile(terminal: Terminal) -> None:
    assert terminal.now != terminal.before


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda terminal: terminal.press("q"), 0),
        (lambda terminal: terminal.press("!"), 1),
        (lambda terminal: terminal.process.send_signal(signal.SIGTERM), 128 + signal.SIGTERM),
        (lambda terminal: terminal.process.send_signal(signal.SIGHUP), 128 + signal.SIGHUP),
        (lambda terminal: terminal.process.send_signal(signal.SIGINT), None),
    ],
    ids=["left", "exception", "SIGTERM", "SIGHUP", "Ctrl-C"],
)
def test_the_terminal_is_left_as_it_was(terminal: Terminal, end: object, status: int | None) -> None:
    assert callable(end)
    end(terminal)
    ended = terminal.ended()
    assert ended == status or (status is None and ended != 0)
    assert terminal.now == terminal.before
