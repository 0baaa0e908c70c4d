"""Pure: what the service tells of what a room and its jobs cost."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sleap_rtc.storage.usage import Usage

Told = Literal["told", "under_way", "not_told"]
Costs = Annotated[dict[str, float], Field(description="By kind; their sum is `total`.")]


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True)


class PricesView(_Reply):
    """The prices that were taken; a gigabyte is 10^9 bytes."""

    as_of: str
    place: str
    currency: str
    sources: tuple[str, ...]
    s3_write: float
    s3_read: float
    s3_gb_month: float
    egress_gb: float
    sqs: float
    sns: float
    relay_gb: float


class AttemptUsage(_Reply):
    """Whether the worker of an attempt told what it used. One that was killed did not."""

    attempt: int
    worker_id: str
    told: Told


class Bill(_Reply):
    """What was used, and what that costs."""

    usage: Usage
    stored_gb_months: float
    cost: Costs
    total: float


class JobCost(_Reply):
    """What one job cost, and what it would have cost over TURN; a saving below 0 is what S3 cost more."""

    job_id: str
    created_at: datetime
    state: str
    file_name: str
    dataset_bytes: int
    made_bytes: int
    bill: Bill
    attempts: tuple[AttemptUsage, ...]
    client_told: bool
    relay: float
    saving: float


class RoomCosts(_Reply):
    """`GET /api/rooms/{room_id}/costs`: the jobs of a period, and what belongs to the room alone."""

    room_id: str
    since: datetime
    until: datetime
    prices: PricesView
    jobs: tuple[JobCost, ...]
    room: Bill
    cost: Costs
    total: float
    relay: float
    saving: float
    not_told: int
    """Attempts whose workers did not tell what they used."""
    truncated: bool
    """There are more jobs in the period than are shown."""
    assumptions: tuple[str, ...]


class Forecast(_Reply):
    """What a job that is not submitted yet will use and cost."""

    prices: PricesView
    usage: Usage
    stored_gb_months: float
    cost: Costs
    total: float
    relay: float
    saving: float
    assumptions: tuple[str, ...]
