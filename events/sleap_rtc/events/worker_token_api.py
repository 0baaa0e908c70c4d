"""Pure: what client and service say to each other about the tokens of a room's workers."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from sleap_rtc.events.room_api import RoomName, SubmissionId
from sleap_rtc.storage.worker_token import LONGEST_WORKER_TOKEN, WORKER_TOKEN_LIFETIME

SHORTEST_WORKER_TOKEN_S = 60


class GiveWorkerToken(BaseModel):
    """`POST /api/rooms/{room_id}/worker-tokens`; `name` is what people call the machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: RoomName
    expires_in_s: int = Field(
        int(WORKER_TOKEN_LIFETIME.total_seconds()),
        ge=SHORTEST_WORKER_TOKEN_S,
        le=int(LONGEST_WORKER_TOKEN.total_seconds()),
    )
    submission_id: SubmissionId = ""


class WorkerTokenView(BaseModel):
    """A token that lets a worker in. What does so is not here."""

    model_config = ConfigDict(frozen=True)

    token_id: str
    name: str
    by: str
    made_at: datetime
    expires_at: datetime


class WorkerTokenGiven(WorkerTokenView):
    """The token as the worker is given it: a secret, and shown this once."""

    token: str = Field(repr=False)
