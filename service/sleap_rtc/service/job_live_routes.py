"""Adapter: the routes by which a job under way is watched and commanded where there is no live path to its
worker. Whoever may read in the room may watch, and whoever may write may command."""

# ruff: noqa: TC001 - FastAPI reads the annotations

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Header, Response
from sse_starlette import ServerSentEvent

from sleap_rtc.events.job_asks import CommandRefused
from sleap_rtc.events.job_commands import CommandId
from sleap_rtc.events.job_live_api import ENDED, TOLD, CommandView, GiveCommand, SampleView
from sleap_rtc.events.job_samples import SampleName
from sleap_rtc.service.callers import C, P, W, is_still_in
from sleap_rtc.service.errors import KeyReused
from sleap_rtc.service.event_stream import event_stream
from sleap_rtc.service.job_tail import FIRST, Place
from sleap_rtc.service.limit_headers import COUNTED
from sleap_rtc.service.path_ids import JobId, RoomId
from sleap_rtc.service.problems import READS, WRITES, answers
from sleap_rtc.service.replies import EventStream, Png
from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

job_live_api = APIRouter(prefix="/api/rooms/{room_id}/jobs/{job_id}", dependencies=[COUNTED])
_PLACE = re.compile(r"(\d{1,16})\.(\d{1,16})")
# Whoever was removed hears nothing for longer than this.
_LOOK_AGAIN_S = 60.0


@job_live_api.get("/live", response_class=EventStream, responses=answers(*READS))
def live(
    room_id: RoomId,
    job_id: JobId,
    parts: P,
    caller: C,
    last_event_id: Annotated[str, Header(max_length=40)] = "",
) -> EventStream:
    """Stream what the job's worker tells, from after the last event that was seen, until the job ends."""
    parts.rooms.enter(room_id, caller)
    after = _place(last_event_id, parts.jobs.get(room_id, job_id).fencing)

    async def events() -> AsyncGenerator[ServerSentEvent]:
        looked = time.monotonic()
        async with aclosing(parts.job_live.events(room_id, job_id, after)) as lines:
            async for line in lines:
                if time.monotonic() - looked > _LOOK_AGAIN_S:
                    if not await asyncio.to_thread(is_still_in, parts, room_id, caller):
                        return
                    looked = time.monotonic()
                yield ServerSentEvent(line.text, id=f"{line.place.run}.{line.place.seq}", event=TOLD)
        job = await asyncio.to_thread(parts.jobs.get, room_id, job_id)
        yield ServerSentEvent(json.dumps({"state": job.state}), event=ENDED)

    return event_stream(events(), parts.drain.closing)


@job_live_api.post("/commands", status_code=202, responses=answers(*WRITES, CommandRefused, KeyReused))
def give_command(room_id: RoomId, job_id: JobId, body: GiveCommand, parts: P, caller: W) -> CommandView:
    """Have the job's worker do something; it looks for commands every few seconds."""
    given = parts.job_live.give(room_id, job_id, body, caller)
    if given.command != body.command:
        raise KeyReused
    return given


@job_live_api.get("/commands/{command_id}", responses=answers(*READS))
def show_command(room_id: RoomId, job_id: JobId, command_id: CommandId, parts: P, caller: C) -> CommandView:
    """Show a command and what came of it."""
    parts.rooms.enter(room_id, caller)
    return parts.job_live.command(room_id, job_id, command_id)


@job_live_api.get("/samples", responses=answers(*READS))
def list_samples(room_id: RoomId, job_id: JobId, parts: P, caller: C) -> list[SampleView]:
    """List the pictures that the job's trainer drew."""
    parts.rooms.enter(room_id, caller)
    return parts.job_live.samples(room_id, job_id)


@job_live_api.get(
    "/samples/{name}",
    response_class=Png,
    responses=answers(*READS, InputError),
)
def show_sample(room_id: RoomId, job_id: JobId, name: SampleName, parts: P, caller: C) -> Response:
    """Return one of them."""
    parts.rooms.enter(room_id, caller)
    content = parts.job_live.sample(room_id, job_id, name)
    return Png(content, headers={"X-Content-Type-Options": "nosniff"})


def _place(last_event_id: str, newest_run: int) -> Place:
    """Return where a watcher goes on; at the beginning where it is no place, or one in no run that was."""
    found = _PLACE.fullmatch(last_event_id)
    return Place(int(found[1]), int(found[2])) if found and int(found[1]) <= newest_run else FIRST
