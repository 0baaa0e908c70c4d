"""Orchestration: what goes to and fro between a running engine and whoever commands it.

Its first words tell which of two kinds it is: `obedient_engine.py` or `plain_engine.py`.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sleap_rtc.events.job_commands import Stop
from sleap_rtc.worker.engine_messages import answer_of, event_of
from sleap_rtc.worker.obedient_engine import ObedientEngine
from sleap_rtc.worker.plain_engine import PlainEngine
from sleap_rtc.worker.training_commands import CommandRefused
from sleap_rtc.worker.training_events import BatchEnded, EpochEnded, TrainingBegun, TrainingEnded
from sleap_rtc.worker.training_failure import diverged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sleap_rtc.worker.obedient_engine import Line
    from sleap_rtc.worker.plain_engine import Grip
    from sleap_rtc.worker.training_commands import Asked, Effect, TrainingCommands
    from sleap_rtc.worker.training_events import OnEvent, TrainingEvent

log = logging.getLogger(__name__)


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
        """What it measured of each."""
        self.stopped = False
        """Whether a command ended it before its time."""
        self.hopeless = False
        """Whether the loss of an engine that does not look at it is not a number any more."""
        self._line = line
        self._grip = grip
        self._commands = commands
        self._on_event = on_event
        self._folder = folder
        self._engine: PlainEngine | ObedientEngine | None = None
        self._place = " before the first batch"

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take in what the engine said."""
        event = event_of(message)
        if isinstance(event, TrainingBegun):
            self._begin(event)
            return
        if event is not None:
            if self._engine is None:
                self._begin(
                    TrainingBegun()
                )  # its first words were lost; ours are not, they wait for a listener
            self._note(event, message)
            self.hopeless = self.hopeless or (isinstance(self._engine, PlainEngine) and diverged(event))
            self._tell(event)
            return
        answer = answer_of(message, self._folder)
        if answer is not None and self._engine is not None:
            self._engine.answered(answer)

    def turn(self, now: float, *, quiet: bool) -> None:
        """Do what was asked since the last turn, once the engine is up.

        Args:
            now: seconds that only ever grow.
            quiet: whether the engine has said nothing since the last turn.
        """
        if self._engine is None:
            return
        for asked in self._commands.take():
            self._engine.act(asked)
        self._engine.turn(now, quiet=quiet)

    def end(self, *, well: bool) -> None:
        """Settle what is open: the engine has ended.

        Args:
            well: whether by itself and without a fault.
        """
        if self._engine is not None:
            self._engine.end(well=well)
        self._commands.close()
        self._tell(TrainingEnded(self.stopped))

    def _begin(self, event: TrainingBegun) -> None:
        if event.abilities:
            title = self._grip.title()
            self._engine = ObedientEngine(self._line, event.abilities, title, self._settle)
        else:
            plain = PlainEngine(self._line, self._grip, self._settle, self._tell, lambda: self._place)
            self._engine = plain
            event = replace(event, abilities=plain.abilities)
        self._tell(event)

    def _settle(self, asked: Asked, outcome: Effect | CommandRefused) -> None:
        if isinstance(outcome, CommandRefused):
            self._commands.refuse(asked, outcome)
            return
        self.stopped = self.stopped or isinstance(asked.command, Stop)
        self._commands.done(asked, outcome)

    def _note(self, event: TrainingEvent, message: Mapping[str, Any]) -> None:
        if isinstance(event, BatchEnded):
            self._place = f" after batch {event.batch + 1} of epoch {event.epoch + 1}"
        elif isinstance(event, EpochEnded):
            self._place = f" after epoch {event.epoch + 1}"
            self.epochs.append({**(message.get("logs") or {}), "epoch": event.epoch})

    def _tell(self, event: TrainingEvent) -> None:
        try:
            self._on_event(event)
        except Exception:
            log.exception("whoever listens to the training failed at %s", event)
