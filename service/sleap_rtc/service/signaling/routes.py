"""Adapter: the HTTP API and the WebSocket of the signaling server.

`legacy` has the paths of the existing tool, which are known to it whatever the server; `room_api` has what is
ours, below `/api`.
"""

# ruff: noqa: TC001, TC002 - FastAPI reads the annotations

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from sleap_rtc.live.ice_server import IceServer
from sleap_rtc.live.signaling_messages import CloseCode, is_own_peer_id
from sleap_rtc.service import problems
from sleap_rtc.service.body_limit import BodyLimit
from sleap_rtc.service.callers import Anyone, AtWork, P, somebody, token_of
from sleap_rtc.service.errors import InvalidRequest
from sleap_rtc.service.identity import Caller, Unauthenticated
from sleap_rtc.service.limit_headers import COUNTED
from sleap_rtc.service.path_ids import RoomId
from sleap_rtc.service.problems import READS, WRITES, answers
from sleap_rtc.service.receipts import IdempotencyKey
from sleap_rtc.service.signaling.server import Signaling
from sleap_rtc.storage.errors import NotFound, Refused, Unreachable
from sleap_rtc.storage.room import RoomIdTaken

_ROOM_NAME = "Live session"


def signaling_of(request: Request) -> Signaling:
    """Return the signaling server of this instance."""
    found: Signaling = request.app.state.signaling
    return found


S = Annotated[Signaling, Depends(signaling_of)]


def live_caller_of(signaling: S, authorization: Annotated[str, Header()] = "") -> Caller:
    """Return who is calling, whether he has an identity or signed in without one.

    Raises:
        Unauthenticated: his token is none.
        WorkersWorkOnly: it is a worker's.
    """
    return somebody(signaling.callers.verify(token_of(authorization)))


L = Annotated[Caller, Depends(live_caller_of)]


class _Body(BaseModel):
    # The existing tool may send more than is needed.
    model_config = ConfigDict(extra="ignore")


class SignedInView(BaseModel):
    """A token for somebody without an identity."""

    id_token: str
    username: str


class OpenedRoom(BaseModel):
    """A new room, and the token that lets others in."""

    room_id: str
    token: str


class RoomTokenView(OpenedRoom):
    """A token for a room that there is."""

    expires_at: datetime


class DeletePeer(_Body):
    """Which peer is to go."""

    peer_id: str = Field(min_length=1, max_length=256)


class DeletePeersAndRoom(_Body):
    """Whose peers are to go: those of a room, or of the room in which a peer is."""

    room_id: str = Field("", max_length=64)
    peer_id: str = Field("", max_length=256)


class Status(BaseModel):
    """What was done, in the existing server's words."""

    status: str


class Health(Status):
    """That the process lives."""

    timestamp: datetime
    version: str


class LiveMetrics(BaseModel):
    """How much goes on on this instance."""

    timestamp: datetime
    active_rooms: int
    active_connections: int
    peers_by_role: dict[str, int]
    total_connections: int
    total_messages: int
    rooms_created: int


legacy = APIRouter()


@legacy.post("/anonymous-signin", responses=answers(Unreachable, forbidden=403, too_many_requests=429))
def anonymous_signin(signaling: S) -> SignedInView:
    """Give a token to anybody, where that is allowed."""
    if signaling.anonymous is None:
        why = "This service gives no tokens to anonymous callers. Use a token of your own (SLEAP_RTC_TOKEN)."
        raise HTTPException(HTTPStatus.FORBIDDEN, why)
    if not signaling.tally.takes_sign_in():
        raise _too_many("sign-ins")
    signed_in = signaling.anonymous.sign_in(signaling.now())
    return SignedInView(id_token=signed_in.id_token, username=signed_in.username)


@legacy.post(
    "/create-room",
    responses=answers(Unauthenticated, InvalidRequest, Unreachable, RoomIdTaken, too_many_requests=429),
)
def create_room(signaling: S, caller: L, key: IdempotencyKey = "") -> OpenedRoom:
    """Open a room that the caller owns, and a token to it for two hours."""
    if not signaling.tally.takes_room():
        raise _too_many("new rooms")
    room = signaling.rooms.create(_ROOM_NAME, caller, key)
    token = signaling.room_tokens.open(room.room_id, caller.subject, signaling.now())
    return OpenedRoom(room_id=room.room_id, token=token.token)


@legacy.post("/delete-peer", responses=answers(Unauthenticated, InvalidRequest, Unreachable))
async def delete_peer(body: DeletePeer, signaling: S, caller: L) -> Status:
    """Send a peer away: the caller's own, or one of a room in which he may write."""
    found = await signaling.switchboard.find(body.peer_id)
    left = None
    for place in found:
        if is_own_peer_id(place.peer_id, caller.subject) or await _may_write(
            signaling, place.room_id, caller
        ):
            left = await signaling.switchboard.send_away(
                place.room_id, [place.peer_id], CloseCode.DONE, "the peer was deleted"
            )
    if left is None:
        return Status(status="peer not found")
    return Status(status=f"peer deleted successfully. Room status: {'active' if left else 'deleted'}")


@legacy.post("/delete-peers-and-room", responses=answers(Unauthenticated, InvalidRequest, Unreachable))
async def delete_peers_and_room(body: DeletePeersAndRoom, signaling: S, caller: L) -> Status:
    """Send all peers of a room away and end its tokens. What the room holds in the store stays."""
    room_ids = [body.room_id]
    if not body.room_id:
        room_ids = [place.room_id for place in await signaling.switchboard.find(body.peer_id)]
    mine = [room_id for room_id in room_ids if await _may_write(signaling, room_id, caller)]
    for room_id in mine:
        await asyncio.to_thread(signaling.room_tokens.close, room_id)
        await signaling.switchboard.send_away(room_id, None, CloseCode.DONE, "the room was deleted")
    if mine:
        return Status(status="peer deleted successfully")
    return Status(status="room not found" if body.room_id else "peer not found")


@legacy.get("/health")
def health() -> Health:
    """Say that the process lives."""
    return Health(status="healthy", timestamp=datetime.now(UTC), version="2.0.0")


live_metrics = APIRouter()


@live_metrics.get("/metrics")
async def metrics(signaling: S) -> LiveMetrics:
    """Say how much goes on, as the existing server does."""
    census = await signaling.switchboard.census()
    return LiveMetrics(
        timestamp=signaling.now(),
        active_rooms=census.rooms,
        active_connections=sum(census.peers_by_role.values()),
        peers_by_role=census.peers_by_role,
        total_connections=census.joined,
        total_messages=census.relayed,
        rooms_created=signaling.tally.rooms_created,
    )


room_api = APIRouter(prefix="/api/rooms/{room_id}", dependencies=[COUNTED])


@room_api.get("/ice-servers", responses=answers(*READS))
def ice_servers(room_id: RoomId, parts: P, signaling: S, caller: Anyone) -> list[IceServer]:
    """List the STUN and TURN servers for a member of the room; TURN credentials hold for an hour."""
    parts.rooms.enter(room_id, caller)
    return signaling.ice_servers.for_subject(caller.subject, signaling.now())


@room_api.post("/signaling-token", status_code=201, responses=answers(*WRITES))
def signaling_token(room_id: RoomId, signaling: S, caller: AtWork) -> RoomTokenView:
    """Make a token that lets somebody who is no member to the room's peers for two hours."""
    made = signaling.room_tokens.open(room_id, caller.subject, signaling.now())
    return RoomTokenView(room_id=room_id, token=made.token, expires_at=made.expires_at)


socket = APIRouter()


@socket.websocket("/ws")
async def ws(websocket: WebSocket) -> None:
    """Talk with a peer."""
    await websocket.app.state.signaling.serve(websocket)


def socket_app(signaling: Signaling) -> Starlette:
    """Return an app that is the WebSocket alone, at any path."""
    app = Starlette(routes=[WebSocketRoute("/{path:path}", ws)])
    app.state.signaling = signaling
    return app


def http_app(signaling: Signaling) -> FastAPI:
    """Return an app that is the existing server's HTTP API alone."""
    app = FastAPI(title="sleap-rtc signaling", version="1", openapi_url=None)
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.include_router(legacy)
    app.include_router(live_metrics)
    app.state.signaling = signaling
    return app


def _too_many(what: str) -> HTTPException:
    return HTTPException(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"Too many {what} at the moment. Try again in a minute.",
        headers={"Retry-After": "60"},
    )


async def _may_write(signaling: Signaling, room_id: str, caller: Caller) -> bool:
    try:
        await asyncio.to_thread(signaling.rooms.enter, room_id, caller, to_write=True)
    except (NotFound, Refused):
        return False
    return True
