"""Pure: the state of a screen that shows one job: what the items so far said, put together."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, assert_never

from sleap_rtc.client.live_items import (
    EventsMissed,
    Item,
    JobSeen,
    Link,
    LinkState,
    LogRead,
    Over,
    ServiceAway,
)
from sleap_rtc.client.loss_curve import LossCurve, train_loss, val_loss
from sleap_rtc.events.job_progress import (
    BatchEnded,
    CommandAnswered,
    EpochEnded,
    LineLogged,
    MachineMeasured,
    RunEnded,
    StepTaken,
    Told,
    TrainingBegun,
    TransferMoved,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sleap_rtc.events.api import JobView

MOST_LINES = 200
MOST_ANSWERS = 20
_FOR_THE_PACE = 10
_RATES = ("learning_rate", "lr", "train/lr", "lr-Adam", "lr-AdamW")
"""What trainers call the learning rate."""


@dataclass(frozen=True)
class Step:
    """The job came to a state."""

    state: str
    at: datetime
    note: str = ""


@dataclass
class Run:
    """What was told of one run of the job, and but for the losses is nothing to the next one."""

    number: int = 0
    begun: TrainingBegun | None = None
    batch: BatchEnded | None = None
    epoch: EpochEnded | None = None
    machine: MachineMeasured | None = None
    end: RunEnded | None = None
    paused: bool = False
    missed: bool = False
    steps: list[Step] = field(default_factory=list)
    transfers: dict[str, TransferMoved] = field(default_factory=dict)
    learning_rate: float | None = None
    losses: dict[int, tuple[float | None, float | None]] = field(default_factory=dict)
    """Training and validation loss by epoch, counted from 0; None where it is no number."""
    ended_at: deque[datetime] = field(default_factory=lambda: deque(maxlen=_FOR_THE_PACE))


class LiveModel:
    """Everything that is known of a job at the moment.

    Args:
        room_id: the room.
        job_id: the job.
    """

    def __init__(self, room_id: str, job_id: str) -> None:
        self.room_id = room_id
        self.job_id = job_id
        self.job: JobView | None = None
        self.link = LinkState(Link.CONNECTING)
        self.run = Run()
        self.lines: deque[str] = deque(maxlen=MOST_LINES)
        self.answers: deque[CommandAnswered] = deque(maxlen=MOST_ANSWERS)
        self.away = ""
        self.over = False
        self._curve: LossCurve | None = None
        self._best: tuple[int, float] | None = None
        self._drawable = False

    def take(self, item: Item) -> None:
        """Put an item to the rest."""
        match item:
            case Told():
                self._told(item)
            case LinkState():
                self.link = item
            case JobSeen():
                self.job = item.job
            case EventsMissed():
                self.run.missed = True
            case LogRead():
                self.lines = deque(item.text.splitlines(), maxlen=MOST_LINES)
            case ServiceAway():
                self.away = item.text
            case Over():
                self.job, self.over = item.job, True
            case _:
                assert_never(item)

    @property
    def curve(self) -> LossCurve | None:
        """The loss by epoch, counted from 1; None where there is none yet. The same until there is more."""
        if self._curve is None and self.run.losses:
            epochs = sorted(self.run.losses)
            train, val = zip(*(self.run.losses[epoch] for epoch in epochs), strict=True)
            self._curve = LossCurve(tuple(epoch + 1 for epoch in epochs), train, val)
            self._best = self._curve.best()
            self._drawable = bool(self._curve.values())
        return self._curve if self._drawable else None

    @property
    def best(self) -> tuple[int, float] | None:
        """The epoch with the lowest validation loss, and that loss; None where there is none."""
        return self._best if self.curve is not None else None

    @property
    def steps(self) -> list[Step]:
        """The steps of the job, as its record and its worker say."""
        job = self.job
        recorded = [Step(edge.state, edge.at) for edge in job.history] if job else []
        mine = {edge.state for edge in job.history if edge.fencing == self.run.number} if job else set()
        told = [step for step in self.run.steps if step.state not in mine]
        # The worker of a run that the record knows to be over has nothing to say of the present.
        stale = job is not None and job.fencing > self.run.number
        return recorded if stale else [*recorded, *told]

    @property
    def worker(self) -> str:
        """Which worker is or was at the job; empty if none was."""
        if self.job is None:
            return ""
        if self.job.lease is not None:
            return self.job.lease.worker_id
        return next((edge.by for edge in reversed(self.job.history) if edge.state in _WORKERS), "")

    @property
    def epoch_left_s(self) -> float | None:
        """How long the epochs that are planned will take at the pace of the last ones, in seconds.

        The median of them, so that a pause that somebody made does not count.
        """
        run = self.run
        spans = [(after - before).total_seconds() for before, after in pairwise(run.ended_at)]
        if not spans or run.begun is None or run.begun.epochs is None or run.epoch is None:
            return None
        return max(0, run.begun.epochs - run.epoch.epoch - 1) * median(spans)

    @property
    def broken(self) -> bool:
        """Whether the newest loss is no number, which no training comes back from by itself."""
        newest = self.run.batch or self.run.epoch
        return newest is not None and any(not math.isfinite(value) for value in _losses(newest.logs))

    def _told(self, told: Told) -> None:
        if told.run != self.run.number:
            self.run = Run(number=told.run, losses=self.run.losses)
        run, event = self.run, told.event
        match event:
            case StepTaken():
                run.steps.append(Step(event.state, told.at, event.note))
            case LineLogged():
                self.lines.append(event.text)
            case TrainingBegun():
                self._begun(event)
            case BatchEnded():
                if run.epoch is None or event.epoch > run.epoch.epoch:
                    run.batch = event
                    self._rate(event.logs)
            case EpochEnded():
                self._epoch(event, told.at)
            case MachineMeasured():
                run.machine = event
            case TransferMoved():
                run.transfers[event.direction] = event
            case CommandAnswered():
                self._answered(event)
            case RunEnded():
                run.end = event
            case _:
                assert_never(event)

    def _begun(self, event: TrainingBegun) -> None:
        run = self.run
        if run.begun is not None:  # the next model of the job
            run.epoch = run.batch = run.learning_rate = self._curve = None
            run.losses = {}
            run.ended_at.clear()
        run.begun = event

    def _epoch(self, event: EpochEnded, at: datetime) -> None:
        run, self._curve = self.run, None
        if run.epoch is None:
            # A run that goes on from a checkpoint of an earlier one has that one's epochs behind it.
            run.losses = {each: loss for each, loss in run.losses.items() if each < event.epoch}
        run.epoch, run.batch = event, None
        run.ended_at.append(at)
        run.losses[event.epoch] = (train_loss(event.logs), val_loss(event.logs))
        self._rate(event.logs)

    def _rate(self, logs: Mapping[str, float]) -> None:
        rate = next((logs[name] for name in _RATES if name in logs), None)
        self.run.learning_rate = self.run.learning_rate if rate is None else rate

    def _answered(self, event: CommandAnswered) -> None:
        self.answers.append(event)
        if event.answer.outcome == "done":
            self.run.paused = {"pause": True, "resume": False, "stop": False}.get(event.name, self.run.paused)


_WORKERS = frozenset({"claimed", "downloading", "training", "uploading"})


def _losses(logs: Mapping[str, float]) -> list[float]:
    return [value for name, value in logs.items() if "loss" in name]
