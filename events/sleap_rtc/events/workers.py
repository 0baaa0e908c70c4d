"""Pure: what a room knows of the workers that take its jobs."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

CHECK_IN_EVERY_S = 120.0
"""A PUT every two minutes is 21,600 a month, $0.11 at $0.005 per 1,000 (S3 in us-east-1, November 2026)."""
MOST_MODELS = 500
MOST_GPU_CHARACTERS = 200
ModelId = Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
BELIEVED_FOR = timedelta(seconds=3 * CHECK_IN_EVERY_S)


class WorkerView(BaseModel):
    """`{room_id}/workers/{worker_id}.json`: a worker that says it is there. It is believed until `until`."""

    model_config = ConfigDict(frozen=True)

    v: Literal[1] = 1
    room_id: str
    worker_id: str = Field(max_length=96)
    kind: str = Field(max_length=32)
    trainer: str = Field(max_length=32)
    started_at: datetime
    until: datetime
    job_id: str | None = None
    """The job that it is working on."""
    peer_id: str = Field("", max_length=256)
    """Under which name it is found among the room's live peers; empty if it is not there."""
    models: tuple[ModelId, ...] = Field((), max_length=MOST_MODELS)
    """Models that it reads out to live peers."""
    gpu: str = Field("", max_length=MOST_GPU_CHARACTERS)
    """Which GPUs its trainings see, in words; empty without any."""


def present(workers: list[WorkerView], now: datetime) -> list[WorkerView]:
    """Return those that are still believed to be there."""
    return [worker for worker in workers if worker.until > now]


def peers_with(workers: list[WorkerView], model_id: str, now: datetime) -> list[str]:
    """Return the peer ids of those that read out a model: first those that do not train, the newest first."""
    able = [each for each in present(workers, now) if each.peer_id and model_id in each.models]
    by_load = sorted(able, key=lambda each: (each.job_id is not None, -each.until.timestamp()))
    return [each.peer_id for each in by_load]


def peer_of(workers: list[WorkerView], worker_id: str, now: datetime) -> str:
    """Return the peer id of a worker; empty if it is not believed to be there, or not among the peers."""
    return next((each.peer_id for each in present(workers, now) if each.worker_id == worker_id), "")


def worker_id(host_name: str, token: str) -> str:
    """Return an id that says on which machine a worker runs and is no other's.

    Args:
        host_name: of the machine; what an id cannot have becomes a hyphen.
        token: random.
    """
    return f"{re.sub(r'[^A-Za-z0-9.-]', '-', host_name).strip('.-')[:80] or 'worker'}-{token}"
