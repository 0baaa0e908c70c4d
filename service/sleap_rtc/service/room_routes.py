"""Adapter: the routes of rooms, their members, and what happens in them."""

# ruff: noqa: TC001 - FastAPI reads the annotations

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Header, Query
from sse_starlette import ServerSentEvent

from sleap_rtc.events.messages import RoomEvent
from sleap_rtc.events.room_api import (
    ChangeRole,
    CreateRoom,
    InvitationMade,
    InvitationView,
    Invite,
    JoinRoom,
    MemberView,
    RenameRoom,
    RoomDetails,
    RoomView,
    TrailLine,
)
from sleap_rtc.events.worker_api import Acknowledged
from sleap_rtc.service.callers import Anyone, C, P, is_still_in
from sleap_rtc.service.errors import KeyReused
from sleap_rtc.service.event_stream import event_stream
from sleap_rtc.service.limit_headers import COUNTED
from sleap_rtc.service.path_ids import InvitationId, RoomId, Subject
from sleap_rtc.service.problems import READS, SIGNED_IN, WRITES, answers
from sleap_rtc.service.receipts import IdempotencyKey
from sleap_rtc.service.replies import EventStream
from sleap_rtc.service.room_views import invitation_views, member_view, room_details, room_view
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import ChangeNotShown, DocumentTooNew, DocumentUnreadable
from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.room import InvitationNotValid, InvitationRefused, LastOwner, OwnersOnly, RoomIdTaken

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

room_api = APIRouter(prefix="/api", dependencies=[COUNTED])
Most = Annotated[int, Query(ge=1, le=1000)]
_DONE = Acknowledged()
# Whoever was removed hears nothing for longer than this, even where the room was not told of it.
_LOOK_AGAIN_S = 60.0


@room_api.post(
    "/rooms",
    status_code=201,
    responses=answers(*SIGNED_IN, DocumentUnreadable, DocumentTooNew, RoomIdTaken, KeyReused),
)
def create_room(body: CreateRoom, parts: P, caller: C, key: IdempotencyKey = "") -> RoomView:
    """Open a room; the same submission again is the same room."""
    asked = body.model_copy(update={"submission_id": body.submission_id or key})
    parts.receipts.claim(caller, "rooms", asked.submission_id, asked)
    room = parts.rooms.create(asked.name, caller, asked.submission_id, for_check=asked.for_check)
    return room_view(room, caller.subject)


@room_api.get("/rooms", responses=answers(*SIGNED_IN, DocumentUnreadable, DocumentTooNew))
def list_rooms(parts: P, caller: Anyone) -> list[RoomView]:
    """List the rooms that the caller is in."""
    return [room_view(room, caller.subject) for room in parts.rooms.list(caller)]


@room_api.get("/rooms/{room_id}", responses=answers(*READS))
def show_room(room_id: RoomId, parts: P, caller: C) -> RoomDetails:
    """Show a room: its members, the workers that are there, and to an owner its open invitations."""
    room = parts.rooms.enter(room_id, caller)
    return room_details(room, caller.subject, parts.jobs.workers(room_id), datetime.now(UTC))


@room_api.delete("/rooms/{room_id}", responses=answers(*WRITES, InputError, OwnersOnly))
def remove_check_room(room_id: RoomId, parts: P, caller: C) -> Acknowledged:
    """Remove a room that was opened to check the service, with all that is in it; owners only."""
    parts.check_rooms.remove(room_id, caller)
    return _DONE


@room_api.put("/rooms/{room_id}/name", responses=answers(*WRITES, OwnersOnly))
def rename_room(room_id: RoomId, body: RenameRoom, parts: P, caller: C) -> RoomView:
    """Give a room another name; owners only."""
    return room_view(parts.members.rename(room_id, body.name, caller), caller.subject)


@room_api.get("/rooms/{room_id}/members", responses=answers(*READS))
def list_members(room_id: RoomId, parts: P, caller: C) -> list[MemberView]:
    """List a room's members."""
    room = parts.rooms.enter(room_id, caller)
    return [member_view(room, subject) for subject in room.members]


@room_api.put("/rooms/{room_id}/members/{subject:path}", responses=answers(*WRITES, OwnersOnly, LastOwner))
def change_role(room_id: RoomId, subject: Subject, body: ChangeRole, parts: P, caller: C) -> MemberView:
    """Give a member another role; owners only."""
    return member_view(parts.members.set_role(room_id, subject, body.role, caller), subject)


@room_api.delete("/rooms/{room_id}/members/{subject:path}", responses=answers(*WRITES, OwnersOnly, LastOwner))
def remove_member(room_id: RoomId, subject: Subject, parts: P, caller: C) -> Acknowledged:
    """Remove a member, which owners may, or leave."""
    parts.members.remove(room_id, subject, caller)
    return _DONE


@room_api.post("/rooms/{room_id}/leave", responses=answers(*WRITES, LastOwner))
def leave_room(room_id: RoomId, parts: P, caller: C) -> Acknowledged:
    """Leave a room, which its last owner cannot."""
    parts.members.remove(room_id, caller.subject, caller)
    return _DONE


@room_api.post(
    "/rooms/{room_id}/invitations",
    status_code=201,
    responses=answers(*WRITES, OwnersOnly, InvitationRefused, KeyReused),
)
def invite(room_id: RoomId, body: Invite, parts: P, caller: C, key: IdempotencyKey = "") -> InvitationMade:
    """Make an invitation; owners only. What is in the answer is shown this once."""
    parts.rooms.own(room_id, caller)
    asked = body.model_copy(update={"submission_id": body.submission_id or key})
    parts.receipts.claim(caller, f"{room_id}/invitations", asked.submission_id, asked)
    return parts.members.invite(room_id, asked, caller)


@room_api.get("/rooms/{room_id}/invitations", responses=answers(*READS, OwnersOnly))
def list_invitations(room_id: RoomId, parts: P, caller: C) -> list[InvitationView]:
    """List the invitations by which somebody can still come in; owners only."""
    return invitation_views(parts.rooms.own(room_id, caller), datetime.now(UTC))


@room_api.delete("/rooms/{room_id}/invitations/{invitation_id}", responses=answers(*WRITES, OwnersOnly))
def revoke_invitation(room_id: RoomId, invitation_id: InvitationId, parts: P, caller: C) -> Acknowledged:
    """Take an invitation back; owners only. Doing it twice is harmless."""
    parts.members.revoke(room_id, invitation_id, caller)
    return _DONE


@room_api.post(
    "/join",
    responses=answers(*SIGNED_IN, DocumentUnreadable, DocumentTooNew, ChangeNotShown, InvitationNotValid),
)
def join_room(body: JoinRoom, parts: P, caller: C) -> RoomView:
    """Come into a room by an invitation; doing it twice is harmless."""
    return room_view(parts.members.join(body.invitation, caller), caller.subject)


@room_api.get("/rooms/{room_id}/trail", responses=answers(*READS))
def trail(room_id: RoomId, parts: P, caller: C, most: Most = 50) -> list[TrailLine]:
    """Say who did what to the room, its models and its jobs, the newest last."""
    return parts.trail.of(parts.rooms.enter(room_id, caller), most)


@room_api.get("/rooms/{room_id}/events/newest", responses=answers(*READS))
def newest_events(room_id: RoomId, parts: P, caller: C, most: Most = 10) -> list[RoomEvent]:
    """Return the notifications that were told last, oldest first."""
    parts.rooms.enter(room_id, caller)
    return parts.streams.newest(room_id, most)


@room_api.get("/rooms/{room_id}/events", response_class=EventStream, responses=answers(*READS))
def room_events(
    room_id: RoomId, parts: P, caller: C, last_event_id: Annotated[str, Header(max_length=26)] = ""
) -> EventStream:
    """Stream the room's notifications, from after the last id that was seen, for as long as he is in it."""
    parts.rooms.enter(room_id, caller)
    start = last_event_id if keys.is_ulid(last_event_id) else ""

    async def lines() -> AsyncGenerator[ServerSentEvent]:
        looked = time.monotonic()
        async with aclosing(parts.streams.events(room_id, start)) as events:
            async for event in events:
                if event.kind == "room" or time.monotonic() - looked > _LOOK_AGAIN_S:
                    if not await asyncio.to_thread(is_still_in, parts, room_id, caller):
                        return
                    looked = time.monotonic()
                yield ServerSentEvent(event.model_dump_json(), id=event.id, event=event.kind)

    return event_stream(lines(), parts.drain.closing)
