"""Orchestration: what people tell the job at hand: pause, go on, stop, and how the transfer is.

A job has stages, one after the other; each knows what it can be told. Between two stages a pause is kept for
the next one. A command is obeyed once, however often it comes, and everybody who watches sees its answer.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.events.job_commands import CommandAnswer, Pause, Resume
from sleap_rtc.events.job_progress import CommandAnswered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sleap_rtc.events.job_commands import Command
    from sleap_rtc.events.job_progress import JobEvent

log = logging.getLogger(__name__)


class Stage(Protocol):
    """What the job is at, as far as it can be told something."""

    @property
    def held(self) -> bool:
        """Whether a pause is to hold for what comes next, too."""

    def obey(self, command: Command, command_id: str, by: str) -> CommandAnswer:
        """Carry a command out, or say why not; waits for its effect."""

    def pause(self) -> None:
        """Begin held, since somebody said so before this stage."""


class JobControls:
    """Takes the commands for one job; safe to use from any thread.

    Args:
        tell: tells everybody who watches.
    """

    def __init__(self, tell: Callable[[JobEvent], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._answers: dict[str, Future[CommandAnswer]] = {}
        self._stage: Stage | None = None
        self._paused = False
        self._over = ""

    def obey(self, command: Command, command_id: str, by: str) -> CommandAnswer:
        """Carry a command out once and return what came of it; the same id again gets the same answer."""
        with self._lock:
            known = self._answers.get(command_id)
            if known is None:
                answer: Future[CommandAnswer] = Future()
                self._answers[command_id] = answer
        if known is not None:
            return known.result()
        try:
            found = self._carry_out(command, command_id, by)
        except Exception:
            log.exception("the command %s of %s", command.name, by)
            found = CommandAnswer.refused("the worker could not do it; its log says why")
        answer.set_result(found)
        told = CommandAnswered(command_id=command_id, name=command.name, by=by[:200], answer=found)
        self._tell(told)
        return found

    @contextmanager
    def at(self, stage: Stage) -> Iterator[None]:
        """Be at a stage while the block runs."""
        with self._lock:
            self._stage = stage
            if self._paused:
                stage.pause()
                self._paused = False
        try:
            yield
        finally:
            with self._lock:
                self._stage = None
                self._paused = stage.held

    def end(self, why: str) -> None:
        """Take no commands any more."""
        with self._lock:
            self._over = why

    def _carry_out(self, command: Command, command_id: str, by: str) -> CommandAnswer:
        with self._lock:
            stage = self._stage
            if stage is None:
                return self._between(command)
        return stage.obey(command, command_id, by)

    def _between(self, command: Command) -> CommandAnswer:
        if self._over:
            return CommandAnswer.refused(self._over)
        if isinstance(command, Pause):
            self._paused = True
            return CommandAnswer(outcome="done", text="the job is held before its next step begins")
        if isinstance(command, Resume) and self._paused:
            self._paused = False
            return CommandAnswer(outcome="done", text="the job goes on")
        return CommandAnswer.refused(
            "the job is between two steps, and there is nothing that this could act on; try again in a moment"
        )
