"""Pure: what is told of the use of the cloud, by whom, and how far it is believed.

Nobody has to tell anything: what was not told is shown as not told. What a worker or a client tells is its
own word, so it is held against what it can have done.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sleap_rtc.storage.document import Document
from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.usage import Usage

MOST_TIMES = 20
"""How often the same bytes can plausibly have gone over: as often as a part is tried."""
SPARE_BYTES = 1_000_000_000
"""What may come on top: models, checkpoints and results have no size that is known beforehand."""
MOST_REQUESTS = 10_000_000
MOST_CLIENT_REPORTS = 100
"""Of one job; each command that moves something makes one."""


class UsageImplausible(InputError):
    """That cannot be what was used: {why}."""

    why: str


class UsageReport(Document):
    """What one worker or client used for one job, or the service for one room in a period.

    Attributes:
        by: who tells.
        reporter: the worker's id, the subject of the client's user, or the instance of the service.
        fencing: of the worker's hold of the job.
        began: when counting began.
        ended: when it ended.
        usage: what was used; of the service, what belongs to the room alone.
        idle: of a worker, what it used for the room since its last report while it had no job.
        accounts: of the service, what belongs to `job:…`, `upload:…` and `model:…`.
    """

    by: Literal["worker", "client", "service"]
    reporter: str = ""
    fencing: int = 0
    began: datetime
    ended: datetime
    usage: Usage = Usage()
    idle: Usage = Usage()
    accounts: dict[str, Usage] = Field(default_factory=dict)


class ReportUsage(BaseModel):
    """`POST /api/rooms/{room_id}/jobs/{job_id}/usage`: what a client used for a job; `report_id` is the same
    in every repetition."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    report_id: str = Field(pattern=r"^[0-9A-HJKMNP-TV-Z]{26}$")
    usage: Usage


class ReportWorkerUsage(BaseModel):
    """`POST /api/rooms/{room_id}/jobs/{job_id}/worker-usage`: what a worker used while it held a job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fencing: int = Field(ge=1, le=2**53)
    began: datetime
    usage: Usage
    idle: Usage = Usage()


def check_usage(usage: Usage, known_bytes: int) -> None:
    """Look whether somebody can have used that.

    Args:
        usage: what he says.
        known_bytes: of the job's dataset.

    Raises:
        UsageImplausible: he cannot.
    """
    most = MOST_TIMES * known_bytes + SPARE_BYTES
    if (moved := usage.bytes_by(direction="download")) > most:
        raise UsageImplausible(why=f"{moved:,} bytes were downloaded for a job of {known_bytes:,} bytes")
    if (made := sum(usage.requests.values())) > MOST_REQUESTS:
        raise UsageImplausible(why=f"{made:,} requests for one job")
