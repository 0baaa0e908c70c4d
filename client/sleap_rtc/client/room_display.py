"""Adapter: rooms in the terminal: who is in one, what happened there, and what happens now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from sleap_rtc.client.display import JsonWatcher, console, print_table
from sleap_rtc.client.job_words import age, step_note
from sleap_rtc.events.room_api import RoomDetails, TrailLine

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sleap_rtc.events.messages import RoomEvent
    from sleap_rtc.events.room_api import (
        InvitationMade,
        InvitationView,
        MemberView,
        RoomView,
    )
    from sleap_rtc.events.worker_token_api import WorkerTokenGiven, WorkerTokenView
    from sleap_rtc.events.workers import WorkerView


class RoomShown(RoomDetails):
    """What `rooms show --json` prints."""

    trail: tuple[TrailLine, ...]


def print_rooms(rooms: Iterable[RoomView]) -> None:
    """Print rooms as a table."""
    print_table(
        "",
        ("ROOM", "NAME", "ROLE", "CREATED"),
        ((r.room_id, r.name, r.role, f"{r.created_at:%Y-%m-%d %H:%M}") for r in rooms),
        "You are in no room. `sleap-rtc rooms create NAME` opens one, `sleap-rtc rooms join INVITATION`"
        " brings you into another's.",
    )


def print_room(room: RoomDetails, trail: Iterable[TrailLine], now: datetime) -> None:
    """Print a room: its members, its invitations, its workers, and what happened there last."""
    head = f"{room.name}, since {room.created_at:%Y-%m-%d}; you are {room.role}"
    console.print(Text.assemble("Room ", (room.room_id, "bold"), f": {head}"))
    _section("Members")
    print_members(room.members)
    if room.invitations:
        _section("Open invitations")
        _print_invitations(room.invitations, now)
    _section("Workers")
    _print_workers(room.workers, now)
    _section("What happened last (UTC)")
    for line in trail:
        console.print(Text.assemble((f"{line.at:%Y-%m-%d %H:%M:%S}", "dim"), f"  {line.by}: {line.text}"))


def _section(title: str) -> None:
    console.print()
    console.print(Text(title, "dim"))


def print_members(members: Iterable[MemberView]) -> None:
    """Print members as a table."""
    print_table(
        "",
        ("NAME", "ROLE", "SINCE", "INVITED BY", "SUBJECT"),
        (
            (m.name, m.role, f"{m.since:%Y-%m-%d %H:%M}" if m.since else "", m.invited_by, m.subject)
            for m in members
        ),
        "",
    )


def _print_invitations(invitations: Iterable[InvitationView], now: datetime) -> None:
    print_table(
        "",
        ("INVITATION", "ROLE", "BY", "ENDS IN", "USED BY"),
        (
            (
                found.invitation_id,
                found.role,
                found.by,
                age(found.expires_at - now),
                f"{len(found.used_by)} of {found.uses}  {', '.join(found.used_by)}".rstrip(),
            )
            for found in invitations
        ),
        "",
    )


def _print_workers(workers: Iterable[WorkerView], now: datetime) -> None:
    print_table(
        "",
        ("WORKER", "KIND", "TRAINER", "GPU", "SINCE", "WORKS ON"),
        ((w.worker_id, w.kind, w.trainer, w.gpu, age(now - w.started_at), w.job_id or "") for w in workers),
        "No worker takes jobs of this room. `sleap-rtc worker -r ROOM` starts one.",
    )


def print_invitation(made: InvitationMade, room_id: str) -> None:
    """Print an invitation, and what to send to whom it is for: in one piece, to be copied."""
    people = "one person" if made.uses == 1 else f"up to {made.uses} people"
    until = f"{made.expires_at:%Y-%m-%d %H:%M} UTC"
    console.print(
        f"Whoever has this comes in as {made.role} ({people}, until {until}). Send it as you would send a"
        " password:\n",
        markup=False,
    )
    console.print(f"sleap-rtc rooms join {made.invitation}\n", markup=False, soft_wrap=True)
    console.print(
        f"`sleap-rtc rooms invite -r {room_id} --revoke {made.invitation_id}` takes it back.", markup=False
    )


def print_worker_token(given: WorkerTokenGiven, room_id: str, service_url: str) -> None:
    """Print a worker's token, and what to do with it: in one piece, to be copied."""
    until = f"{given.expires_at:%Y-%m-%d %H:%M} UTC"
    console.print(
        f"Worker {given.name} comes into room {room_id} with this until {until}."
        " It is shown this once; keep it as you would keep a password:\n",
        markup=False,
    )
    console.print(f"export SLEAP_RTC_BACKEND_API_URL={service_url}", markup=False, soft_wrap=True)
    console.print(f"export SLEAP_RTC_TOKEN={given.token}", markup=False, soft_wrap=True)
    console.print(f"sleap-rtc worker --room-id {room_id}\n", markup=False, soft_wrap=True)
    console.print(
        f"`sleap-rtc rooms worker-token -r {room_id} --revoke {given.token_id}` takes it back.", markup=False
    )


def print_worker_tokens(tokens: Iterable[WorkerTokenView], now: datetime) -> None:
    """Print workers' tokens as a table."""
    print_table(
        "",
        ("TOKEN", "WORKER", "BY", "MADE", "ENDS IN"),
        ((t.token_id, t.name, t.by, f"{t.made_at:%Y-%m-%d %H:%M}", age(t.expires_at - now)) for t in tokens),
        "No worker of this room has a token of its own. `sleap-rtc rooms worker-token -r ROOM` makes one.",
    )


class NewsLines:
    """A line for each thing that happens."""

    def on_event(self, event: RoomEvent) -> None:
        """Print it."""
        if event.kind == "job":
            note = step_note(event.state, event.event, event.text)
            text = f"job {event.job_id} {event.state}  {note}".rstrip()
        else:
            text = event.text
        console.print(
            Text.assemble((f"{event.at:%H:%M:%S}", "dim"), f"  {event.by}: " if event.by else "  ", text)
        )
        console.file.flush()

    def on_trouble(self, text: str) -> None:
        """Print what is wrong with the connection."""
        console.print(f"{text} Trying again.", markup=False)

    def on_recovery(self) -> None:
        """Print that the connection is back."""
        console.print("The service answers again.")


class NewsJsonLines:
    """A JSON object for each thing that happens."""

    def __init__(self) -> None:
        self._out = JsonWatcher()

    def on_event(self, event: RoomEvent) -> None:
        """Print it; what it is about stands in `about`."""
        fields = event.model_dump(mode="json", exclude={"kind", "v"})
        self._out.tell("event", about=event.kind, **fields)

    def on_trouble(self, text: str) -> None:
        """Print what is wrong with the connection."""
        self._out.on_trouble(text)

    def on_recovery(self) -> None:
        """Print that the connection is back."""
        self._out.on_recovery()
