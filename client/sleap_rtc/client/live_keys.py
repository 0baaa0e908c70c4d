"""Pure: what the keys of the live view mean, one after the other, and which can have no effect now."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.events.job_commands import (
    CancelTransfer,
    Pause,
    Resume,
    Sample,
    SetLearningRate,
    Stop,
    TellTransfer,
)
from sleap_rtc.events.jobs import HELD

if TYPE_CHECKING:
    from sleap_rtc.client.live_model import LiveModel
    from sleap_rtc.events.job_commands import Command

ENTER, ESCAPE, BACKSPACE = "enter", "escape", "backspace"
_MOST_DIGITS = 24
_LARGEST_RATE = 1000.0


@dataclass(frozen=True)
class Key:
    """A key, what it does, and the command behind it; none for leaving."""

    letter: str
    word: str
    command: str = ""


KEYS = (
    Key("p", "pause", "pause"),
    Key("r", "resume", "resume"),
    Key("s", "stop", "stop"),
    Key("l", "learning rate", "set_learning_rate"),
    Key("v", "sample", "sample"),
    Key("t", "transfer", "transfer_status"),
    Key("x", "cancel transfer", "cancel_transfer"),
    Key("q", "leave"),
)
_AT_ONCE: dict[str, Command] = {"p": Pause(), "r": Resume(), "v": Sample(), "t": TellTransfer()}
_AFTER_A_QUESTION: dict[str, tuple[str, Command]] = {
    "s": ("Stop the training? What it has learnt becomes a partial model.", Stop()),
    "x": ("Cancel the transfer? That ends the job.", CancelTransfer()),
}

_OF_TRANSFERS = frozenset({"transfer_status", "cancel_transfer"})
_OF_BOTH = frozenset({"pause", "resume"})


@dataclass(frozen=True)
class Give:
    """Give this command."""

    command: Command


@dataclass(frozen=True)
class Say:
    """Tell the person something."""

    text: str


@dataclass(frozen=True)
class Leave:
    """Watch no longer."""


Action = Give | Say | Leave


def why_not(command: str, model: LiveModel) -> str:
    """Return why a command could have no effect now, as far as that is known; empty if it could."""
    job, run = model.job, model.run
    if model.over or (job is not None and job.ended):
        return "the job has ended"
    if job is not None and job.state not in HELD:
        return "no worker is at the job"
    moves = any(moved.state in {"running", "paused"} for moved in run.transfers.values())
    if command in _OF_TRANSFERS:
        return "" if moves else "nothing is being transferred at the moment"
    if command in _OF_BOTH and (moves or run.begun is None):
        return ""
    if run.begun is None:
        return "the training has not begun"
    able = command in run.begun.abilities
    return "" if able else f"the trainer ({run.begun.trainer}) cannot do that (docs/training.md)"


class Keyboard:
    """Turns keys into actions. Some ask back first, and one wants a number."""

    def __init__(self) -> None:
        self._asks: Command | None = None
        self._question = ""
        self._digits: str | None = None

    @property
    def prompt(self) -> str:
        """What is asked at the moment; empty if nothing is."""
        if self._digits is not None:
            return f"Learning rate: {self._digits}▏ (Enter gives it, Esc does not)"
        return f"{self._question} y/n" if self._asks is not None else ""

    def press(self, key: str, model: LiveModel) -> Action | None:
        """Take a key: a character, or `enter`, `escape`, `backspace`."""
        if self._digits is not None:
            return self._typed(key)
        if self._asks is not None:
            return self._answered(key)
        return self._pressed(key.lower(), model)

    def _pressed(self, key: str, model: LiveModel) -> Action | None:
        meant = next((each for each in KEYS if each.letter == key), None)
        if meant is None:
            return None
        if not meant.command:
            return Leave()
        if why := why_not(meant.command, model):
            return Say(f"{meant.word}: {why}.")
        if key in _AT_ONCE:
            return Give(_AT_ONCE[key])
        if key in _AFTER_A_QUESTION:
            self._question, self._asks = _AFTER_A_QUESTION[key]
        else:
            self._digits = ""
        return None

    def _answered(self, key: str) -> Action:
        command, self._asks = self._asks, None
        if command is not None and key in {"y", "Y"}:
            return Give(command)
        return Say("Nothing was done.")

    def _typed(self, key: str) -> Action | None:
        digits = self._digits or ""
        if key == ESCAPE:
            self._digits = None
            return Say("Nothing was done.")
        if key == ENTER:
            self._digits = None
            return _rate(digits)
        if key == BACKSPACE:
            self._digits = digits[:-1]
        elif key in "0123456789.eE-+" and len(digits) < _MOST_DIGITS:
            self._digits = digits + key
        return None


def _rate(digits: str) -> Action:
    try:
        value = float(digits)
    except ValueError:
        value = math.nan
    if not 0 < value <= _LARGEST_RATE:
        return Say(f"A learning rate is a number above 0, such as 1e-4; not {digits!r}.")
    return Give(SetLearningRate(value=value))
