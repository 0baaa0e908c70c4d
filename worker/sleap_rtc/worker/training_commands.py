"""Pure: what a training can be told while it runs, and the mailbox between whoever tells it and the trainer.

Every command that is asked has one outcome: an effect, or a refusal that says why and what to do. A command
that is asked again under its id is not done again: its outcome is the same one.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from sleap_rtc.events.job_commands import Pause, Resume, Sample, SetLearningRate, Stop
from sleap_rtc.storage.errors import SleapRtcError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class CommandRefused(SleapRtcError):
    """{why}"""

    why: str


class TrainingOver(CommandRefused):
    """The training has ended, so the command {command} does nothing any more."""

    command: str


TrainingCommand: TypeAlias = Pause | Resume | Stop | SetLearningRate | Sample


@dataclass(frozen=True)
class Effect:
    """What a command did, in a sentence, with the files that it made and the numbers in the sentence."""

    text: str
    files: tuple[Path, ...] = ()
    values: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A command that waits for its outcome."""

    command: TrainingCommand
    command_id: str
    outcome: Future[Effect]


class TrainingCommands:
    """The mailbox of one training; any thread may ask, the trainer answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[str, Asked] = {}
        self._waiting: list[Asked] = []
        self._open: set[str] = set()
        self._closed = False

    def ask(self, command: TrainingCommand, command_id: str) -> Future[Effect]:
        """Ask for a command; its outcome is an Effect, or CommandRefused. It cannot be cancelled."""
        with self._lock:
            known = self._asked.get(command_id)
            if known is not None:
                return known.outcome
            asked = Asked(command, command_id, Future())
            asked.outcome.set_running_or_notify_cancel()
            self._asked[command_id] = asked
            self._open.add(command_id)
            if not self._closed:
                self._waiting.append(asked)
                return asked.outcome
        self.refuse(asked, TrainingOver(command=command.name))
        return asked.outcome

    def take(self) -> list[Asked]:
        """Return what was asked since the last time, in its order."""
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken

    def done(self, asked: Asked, effect: Effect) -> None:
        """Give a command its effect, unless it has an outcome."""
        if self._settles(asked):
            asked.outcome.set_result(effect)

    def refuse(self, asked: Asked, why: CommandRefused) -> None:
        """Refuse a command, unless it has an outcome."""
        if self._settles(asked):
            asked.outcome.set_exception(why)

    def close(self) -> None:
        """Refuse what has no outcome yet, and what comes later: the training has ended."""
        with self._lock:
            self._closed = True
            left = [self._asked[command_id] for command_id in sorted(self._open)]
        for asked in left:
            self.refuse(asked, TrainingOver(command=asked.command.name))

    def _settles(self, asked: Asked) -> bool:
        # Outside the lock from here on: whoever waits for an outcome may ask for the next thing at once.
        with self._lock:
            is_open = asked.command_id in self._open
            self._open.discard(asked.command_id)
        return is_open
