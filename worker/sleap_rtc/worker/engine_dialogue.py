"""Orchestration: what goes to and fro between a running engine and whoever commands it.

An engine that announces abilities is told a command again and again, under its id, until it answers; it does
it once. One that announces none is a plain sleap-nn: it obeys a stop, and is held and let go by its session.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sleap_rtc.worker.engine_messages import PLAIN_STOP, answer_of, event_of, message_of
from sleap_rtc.worker.training_commands import CommandRefused, Effect, Pause, Resume, Stop
from sleap_rtc.worker.training_events import (
    BatchEnded,
    EpochEnded,
    Paused,
    Resumed,
    TrainingBegun,
    TrainingEnded,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sleap_rtc.worker.training_commands import Asked, TrainingCommands
    from sleap_rtc.worker.training_events import OnEvent, TrainingEvent

log = logging.getLogger(__name__)

REPEAT_EVERY_S = 0.5


class Line(Protocol):
    """What carries messages to the engine."""

    def say(self, message: Mapping[str, Any]) -> None:
        """Send one; it may be lost."""


class Grip(Protocol):
    """What can be done to an engine from outside."""

    @property
    def can_hold(self) -> bool:
        """Whether this system can hold processes."""

    def title(self) -> str:
        """Return its name, with its version where that is known."""

    def hold(self) -> None:
        """Let no process of it run."""

    def let_go(self) -> None:
        """Let them run."""


@dataclass
class _Sent:
    asked: Asked
    message: Mapping[str, Any]
    again_at: float


class EngineDialogue:
    """One engine from its first word to its end.

    Args:
        line: to the engine.
        grip: on its processes.
        commands: what it is to do.
        on_event: told what happens.
        folder: where it runs.
    """

    def __init__(
        self, line: Line, grip: Grip, commands: TrainingCommands, on_event: OnEvent, folder: Path
    ) -> None:
        self.epochs: list[dict[str, Any]] = []
        self.stopped = False
        self._line = line
        self._grip = grip
        self._commands = commands
        self._on_event = on_event
        self._folder = folder
        self._abilities: frozenset[str] | None = None
        self._held = False
        self._place: tuple[int, int | None] | None = None
        self._sent: dict[str, _Sent] = {}

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take in what the engine said."""
        answer = answer_of(message, self._folder)
        if answer is not None:
            sent = self._sent.pop(answer.command_id, None)
            if sent is not None:
                self._settle(sent.asked, answer.outcome)
            return
        event = event_of(message)
        if isinstance(event, TrainingBegun):
            self._begin(event)
        elif event is not None:
            if self._abilities is None:
                self._begin(TrainingBegun())  # its first words were lost; ours wait until they are heard
            self._note(event, message)
            self._tell(event)

    def turn(self, now: float) -> None:
        """Do what was asked since the last turn, and repeat what was not answered.

        Args:
            now: seconds that only ever grow.
        """
        if self._abilities is None:
            return
        for asked in self._commands.take():
            self._act(asked, now)
        for sent in self._sent.values():
            if now >= sent.again_at:
                self._line.say(sent.message)
                sent.again_at = now + REPEAT_EVERY_S

    def end(self, *, well: bool) -> None:
        """Settle what is open: the engine has ended.

        Args:
            well: whether it ended by itself and without a fault.
        """
        for sent in self._sent.values():
            if well and isinstance(sent.asked.command, Stop):
                text = f"stopped{self._where()}; the model is published as partial"
                self._settle(sent.asked, Effect(text))
        self._commands.close()
        self._tell(TrainingEnded(self.stopped))

    def _begin(self, event: TrainingBegun) -> None:
        if not event.abilities:
            by_hand = {Pause.name, Resume.name} if self._grip.can_hold else set()
            event = TrainingBegun(frozenset({Stop.name} | by_hand), event.epochs, event.batches)
            self._plain = True
        else:
            self._plain = False
        self._abilities = event.abilities
        self._tell(event)

    def _act(self, asked: Asked, now: float) -> None:
        command = asked.command
        if self._plain and isinstance(command, Pause | Resume) and self._grip.can_hold:
            self._commands.done(asked, Effect(self._by_hand(command)))
        elif command.name not in (self._abilities or ()):
            self._commands.refuse(asked, CommandRefused(why=self._cannot(command.name)))
        elif self._plain:
            if self._held:
                self._by_hand(Resume())
            self._sent[asked.command_id] = _Sent(asked, PLAIN_STOP, now)
        else:
            self._sent[asked.command_id] = _Sent(asked, message_of(command, asked.command_id), now)

    def _cannot(self, name: str) -> str:
        told = name.replace("_", " ")
        if name in {Pause.name, Resume.name}:
            return f"This system cannot hold {self._grip.title()}, so it does not {told}; stop it instead."
        return (
            f"{self._grip.title()} has no way to {told} while it trains; set it in the configuration of the"
            " next job."
        )

    def _by_hand(self, command: Pause | Resume) -> str:
        """Hold the engine's processes or let them run, and say so."""
        if isinstance(command, Pause):
            if self._held:
                return f"paused already{self._where()}"
            self._grip.hold()
            self._held = True
            self._tell(Paused())
            return f"paused{self._where()}, in mid-batch; its memory stays taken"
        if not self._held:
            return f"not paused: training goes on{self._where()}"
        self._grip.let_go()
        self._held = False
        self._tell(Resumed())
        return f"resumed{self._where()}"

    def _settle(self, asked: Asked, outcome: Effect | CommandRefused) -> None:
        if isinstance(outcome, CommandRefused):
            self._commands.refuse(asked, outcome)
            return
        self.stopped = self.stopped or isinstance(asked.command, Stop)
        self._commands.done(asked, outcome)

    def _where(self) -> str:
        if self._place is None:
            return " before the first batch"
        epoch, batch = self._place
        return (
            f" after epoch {epoch + 1}" if batch is None else f" after batch {batch + 1} of epoch {epoch + 1}"
        )

    def _note(self, event: TrainingEvent, message: Mapping[str, Any]) -> None:
        if isinstance(event, BatchEnded):
            self._place = (event.epoch, event.batch)
        elif isinstance(event, EpochEnded):
            self._place = (event.epoch, None)
            self.epochs.append({"epoch": event.epoch, **(message.get("logs") or {})})

    def _tell(self, event: TrainingEvent) -> None:
        try:
            self._on_event(event)
        except Exception:
            log.exception("whoever listens to the training failed at %s", event)
