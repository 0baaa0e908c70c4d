"""Adapter: turns what is told of jobs, models, sweeps and queues into measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.event_facts import (
    JobsFound,
    JobStepped,
    Mended,
    ModelPublished,
    QueueFound,
    SweepEnded,
    UnfinishedFound,
    WorkersFound,
)
from sleap_rtc.events.jobs import ENDED, JobState
from sleap_rtc.observability import instruments as of

if TYPE_CHECKING:
    from sleap_rtc.observability.instrument import Meter
    from sleap_rtc.storage.telling import Fact

_OPEN = [state for state in JobState if state not in ENDED]


class EventMetrics:
    """Hears of what happens in `sleap_rtc.events`."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._kinds: set[str] = set()

    def __call__(self, fact: Fact) -> None:
        """Count one fact, if it is of these."""
        meter = self._meter
        match fact:
            case JobStepped():
                self._stepped(fact)
            case ModelPublished():
                meter.add(of.MODELS)
            case SweepEnded(outcome=outcome):
                meter.add(of.SWEEPS, outcome=outcome)
            case Mended(what=what):
                meter.add(of.MENDED, what=what)
            case JobsFound(by_state=by_state, oldest_waiting_s=oldest_s):
                for state in _OPEN:  # those with none, too: a gauge keeps what was last said
                    meter.set(of.JOBS, by_state.get(state, 0), state=state.value)
                meter.set(of.OLDEST_WAITING, oldest_s)
            case QueueFound(queue=queue):
                meter.set(of.QUEUE_DEPTH, fact.waiting, queue=queue, standing="waiting")
                meter.set(of.QUEUE_DEPTH, fact.held, queue=queue, standing="held")
                meter.set(of.QUEUE_DEPTH, fact.delayed, queue=queue, standing="delayed")
                meter.set(of.DEAD_LETTERS, fact.dead_letters, queue=queue)
            case UnfinishedFound(bucket=bucket):
                meter.set(of.UNFINISHED_UPLOADS, fact.fresh, bucket=bucket, age="fresh")
                meter.set(of.UNFINISHED_UPLOADS, fact.orphaned, bucket=bucket, age="orphaned")
            case WorkersFound():
                self._workers(fact)

    def _stepped(self, fact: JobStepped) -> None:
        meter = self._meter
        meter.add(of.JOB_STEPS, state=fact.state.value)
        if fact.left is not None:
            meter.record(of.JOB_STEP_DURATION, fact.left_after_s, state=fact.left.value)
        if fact.code:
            meter.add(of.JOB_FAILURES, code=fact.code)
        if fact.woken_after_s is not None:
            meter.record(of.WAKE_LATENCY, fact.woken_after_s)

    def _workers(self, fact: WorkersFound) -> None:
        self._kinds.update(kind for kind, _ in fact.counts)
        for kind in self._kinds:
            for busy, word in ((True, "yes"), (False, "no")):
                self._meter.set(of.WORKERS, fact.counts.get((kind, busy), 0), kind=kind, busy=word)
