"""Orchestration: commands to an engine that said that it can do them.

The channel may lose what is said first, so a command is said again under its id until it is answered; the
engine does it once, and answers as often as it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from sleap_rtc.worker.engine_messages import message_of
from sleap_rtc.worker.training_commands import CommandRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sleap_rtc.worker.engine_messages import Answer
    from sleap_rtc.worker.training_commands import Asked, Effect

Settle: TypeAlias = "Callable[[Asked, Effect | CommandRefused], None]"
REPEAT_EVERY_S = 0.5


class Line(Protocol):
    """What carries messages to the engine."""

    def say(self, message: Mapping[str, Any]) -> None:
        """Send one; it may be lost."""


@dataclass
class _Said:
    asked: Asked
    message: Mapping[str, Any]
    again_at: float = 0.0


class ObedientEngine:
    """Says commands until they are answered.

    Args:
        line: to the engine.
        abilities: what it said that it can do.
        title: its name, for refusals.
        settle: gives a command its outcome.
    """

    def __init__(self, line: Line, abilities: frozenset[str], title: str, settle: Settle) -> None:
        self.abilities = abilities
        self._line = line
        self._title = title
        self._settle = settle
        self._said: dict[str, _Said] = {}

    def act(self, asked: Asked) -> None:
        """Have a command done, or refuse it."""
        name = asked.command.name
        if name in self.abilities:
            self._said[asked.command_id] = _Said(asked, message_of(asked.command, asked.command_id))
        else:
            why = f"{self._title} does not know how to {name.replace('_', ' ')}."
            self._settle(asked, CommandRefused(why=why))

    def answered(self, answer: Answer) -> None:
        """Take what the engine says of a command."""
        said = self._said.pop(answer.command_id, None)
        if said is not None:
            self._settle(said.asked, answer.outcome)

    def turn(self, now: float, *, quiet: bool) -> None:  # noqa: ARG002 - of the port
        """Say what has not been answered."""
        for said in self._said.values():
            if now >= said.again_at:
                self._line.say(said.message)
                said.again_at = now + REPEAT_EVERY_S

    def end(self, *, well: bool) -> None:
        """It answered what it answered."""
