"""Adapter: the routes by which owners give tokens to the workers of their rooms."""

# ruff: noqa: TC001 - FastAPI reads the annotations

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from sleap_rtc.events.worker_api import Acknowledged
from sleap_rtc.events.worker_token_api import GiveWorkerToken, WorkerTokenGiven, WorkerTokenView
from sleap_rtc.service.callers import C, P
from sleap_rtc.service.errors import KeyReused
from sleap_rtc.service.limit_headers import COUNTED
from sleap_rtc.service.path_ids import RoomId
from sleap_rtc.service.problems import READS, WRITES, answers
from sleap_rtc.service.receipts import IdempotencyKey
from sleap_rtc.storage.room import OwnersOnly
from sleap_rtc.storage.worker_token_changes import WorkerTokenRefused

worker_token_api = APIRouter(prefix="/api/rooms/{room_id}/worker-tokens", dependencies=[COUNTED])
TokenId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", examples=["0f1e2d3c4b5a"])]


@worker_token_api.post(
    "", status_code=201, responses=answers(*WRITES, OwnersOnly, WorkerTokenRefused, KeyReused)
)
def give_worker_token(
    room_id: RoomId, body: GiveWorkerToken, parts: P, caller: C, key: IdempotencyKey = ""
) -> WorkerTokenGiven:
    """Make a token for a worker; owners only. What is in the answer is shown this once."""
    parts.rooms.own(room_id, caller)
    asked = body.model_copy(update={"submission_id": body.submission_id or key})
    parts.receipts.claim(caller, f"{room_id}/worker-tokens", asked.submission_id, asked)
    return parts.worker_tokens.give(room_id, asked, caller)


@worker_token_api.get("", responses=answers(*READS, OwnersOnly))
def list_worker_tokens(room_id: RoomId, parts: P, caller: C) -> list[WorkerTokenView]:
    """List the tokens that still let a worker in; owners only."""
    return parts.worker_tokens.list(room_id, caller)


@worker_token_api.delete("/{token_id}", responses=answers(*WRITES, OwnersOnly))
def revoke_worker_token(room_id: RoomId, token_id: TokenId, parts: P, caller: C) -> Acknowledged:
    """Take a worker's token back; owners only. Doing it twice is harmless."""
    parts.worker_tokens.revoke(room_id, token_id, caller)
    return Acknowledged()
