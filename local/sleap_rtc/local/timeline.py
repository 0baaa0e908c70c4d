"""Pure: what happened in the demo, step by step, and whether the bytes of every hop were verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.events.jobs import Edge, Job, JobState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sleap_rtc.storage.manifest import ManifestModel

_STEPS = {
    JobState.UPLOADED: ("upload", "client → S3, presigned parts"),
    JobState.QUEUED: ("dispatch", "upload complete → job on the queue"),
    JobState.CLAIMED: ("wake", "queue → worker claims the job"),
    JobState.DOWNLOADING: ("start", "worker prepares its folder"),
    JobState.TRAINING: ("download", "S3 → worker, ranges, verified"),
    JobState.UPLOADING: ("train", "on the embedded frames"),
    JobState.PUBLISHED: ("publish", "model → S3 event → manifest"),
    JobState.LOST: ("lost", "the worker's lease ran out"),
    JobState.REQUEUED: ("requeue", "the job goes to another worker"),
    JobState.CANCELLED: ("cancel", "somebody ended the job"),
    JobState.FAILED: ("fail", "the job ended without a model"),
}


@dataclass(frozen=True)
class Step:
    """One line of the timeline."""

    name: str
    what: str
    took_s: float
    event: str


@dataclass(frozen=True)
class Hop:
    """The bytes on one leg of their way: the checksum they left with, and the one they arrived with."""

    name: str
    sent: str
    received: str

    @property
    def verified(self) -> bool:
        """Whether they are the same bytes."""
        return bool(self.sent) and self.sent == self.received


def steps(job: Job, pulled_at: datetime) -> list[Step]:
    """Return the job's history as steps with their durations, the client's pull last."""
    found = []
    before = job.created_at
    for edge in job.history:
        name, what = _STEPS[edge.state]
        found.append(Step(name, what, (edge.at - before).total_seconds(), edge.cause))
        before = edge.at
    told = "notification → client, verified"
    return [*found, Step("pull", told, (pulled_at - before).total_seconds(), "room feed")]


def hops(job: Job, model: ManifestModel, package_checksum: str, pulled: Mapping[str, str]) -> list[Hop]:
    """Return every hop of the story.

    Args:
        job: as it ended.
        model: as the manifest has it.
        package_checksum: of the package on the client's disk.
        pulled: checksum of each model file on the client's disk, by name.
    """
    verified = next((e for e in reversed(job.history) if e.state is JobState.TRAINING), None)
    return [
        Hop("client → S3", package_checksum, job.dataset.checksum),
        Hop("S3 → worker", job.dataset.checksum, _noted_checksum(verified)),
        *(
            Hop(f"worker → room → client: {file.name}", file.checksum, pulled.get(file.name, ""))
            for file in model.storage.files
        ),
    ]


def _noted_checksum(edge: Edge | None) -> str:
    return edge.event.rpartition(" ")[2] if edge else ""
