"""Pure: what is told of jobs, models, sweeps and queues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sleap_rtc.events.jobs import JobState
from sleap_rtc.storage.telling import Fact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleap_rtc.events.jobs import Job

Bucket = Literal["uploads", "rooms"]
QueueRole = Literal["jobs", "upload-events", "model-events", "room-events"]


@dataclass(frozen=True)
class JobStepped(Fact):
    """A job came into a state; told by who wrote its record, so once.

    Attributes:
        state: which.
        left: the state before; None at the beginning.
        left_after_s: how long it was in that one.
        code: why it failed; empty if it did not.
        woken_after_s: how long it took from its dispatch to this, its first claim; None for other steps.
    """

    state: JobState
    left: JobState | None
    left_after_s: float
    code: str = ""
    woken_after_s: float | None = None


def steps_after(known: int, job: Job) -> list[JobStepped]:
    """Return the steps of a job behind the first `known` of its history."""
    found = []
    for number, edge in enumerate(job.history):
        if number < known:
            continue
        before = job.history[number - 1] if number else None
        first_claim = edge.state is JobState.CLAIMED and all(
            each.state is not JobState.CLAIMED for each in job.history[:number]
        )
        code = job.failure.code if edge.state is JobState.FAILED and job.failure else ""
        found.append(
            JobStepped(
                state=edge.state,
                left=before.state if before else None,
                left_after_s=(edge.at - before.at).total_seconds() if before else 0.0,
                code=code,
                woken_after_s=(edge.at - job.history[0].at).total_seconds() if first_claim else None,
            )
        )
    return found


@dataclass(frozen=True)
class ModelPublished(Fact):
    """A model came into a room's manifest."""


@dataclass(frozen=True)
class SweepEnded(Fact):
    """A reconcile sweep is over."""

    outcome: Literal["done", "failed"]


@dataclass(frozen=True)
class Mended(Fact):
    """A sweep did what a lost event would have done."""

    what: Literal["dispatched", "queued", "published", "lost_worker"]


@dataclass(frozen=True)
class JobsFound(Fact):
    """The jobs that have not ended, as a sweep found them, and how long the oldest that waits has waited."""

    by_state: Mapping[JobState, int]
    oldest_waiting_s: float


@dataclass(frozen=True)
class QueueFound(Fact):
    """What lies on a queue, and on that of its dead letters; of `jobs`, on those of all rooms together."""

    queue: QueueRole
    waiting: int
    held: int
    delayed: int
    dead_letters: int


@dataclass(frozen=True)
class UnfinishedFound(Fact):
    """Multipart uploads of a bucket that are open; the orphaned ones are older than anybody goes on with."""

    bucket: Bucket
    fresh: int
    orphaned: int


@dataclass(frozen=True)
class WorkersFound(Fact):
    """Workers that checked in lately, by kind and by whether they have a job."""

    counts: Mapping[tuple[str, bool], int]


@dataclass(frozen=True)
class StorageFound(Fact):
    """How many bytes lie in a bucket."""

    bucket: Bucket
    size_bytes: int
