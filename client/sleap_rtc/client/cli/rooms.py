"""Adapter: `sleap-rtc rooms`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from sleap_rtc.client.cli import worker_tokens
from sleap_rtc.client.cli.options import JsonOption, RoomOption

if TYPE_CHECKING:
    from sleap_rtc.client.service_client import ServiceClient

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Rooms: who shares datasets, jobs and models."
)
app.add_typer(worker_tokens.app)
_MOST = 1000


class RoleChoice(StrEnum):
    """What a member may do: own the room, work in it, or look."""

    OWNER = "owner"
    MEMBER = "member"
    READER = "reader"


def _service(room_id: str) -> ServiceClient:
    from sleap_rtc.client.wiring import service_client
    from sleap_rtc.storage.keys import checked_room_id

    checked_room_id(room_id)
    return service_client()


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="A name for people, such as 'Mouse lab'.")],
    as_json: JsonOption = False,
) -> None:
    """Open a room; you own it."""
    from sleap_rtc.client.display import console, print_json
    from sleap_rtc.client.room_requests import checked_room_name
    from sleap_rtc.client.wiring import service_client

    room = service_client().create_room(checked_room_name(name))
    if as_json:
        print_json(room)
    else:
        console.print(
            f"Room {room.room_id} ({name}) is open. `sleap-rtc rooms invite -r {room.room_id}` invites.",
            markup=False,
        )


@app.command("ls")
def list_rooms(as_json: JsonOption = False) -> None:
    """List the rooms that you are in."""
    from sleap_rtc.client.display import print_json
    from sleap_rtc.client.room_display import print_rooms
    from sleap_rtc.client.wiring import service_client

    rooms = service_client().rooms()
    if as_json:
        print_json(rooms)
    else:
        print_rooms(rooms)


@app.command()
def show(
    room_id: RoomOption,
    trail: Annotated[int, typer.Option(min=0, max=_MOST, help="How many lines of what happened.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Show a room: its members, invitations and workers, and who did what there last."""
    from datetime import UTC, datetime

    from sleap_rtc.client.display import print_json
    from sleap_rtc.client.room_display import RoomShown, print_room

    service = _service(room_id)
    room = service.room(room_id)
    lines = service.trail(room_id, trail) if trail else []
    if as_json:
        print_json(RoomShown(**dict(room), trail=tuple(lines)))
    else:
        print_room(room, lines, datetime.now(UTC))


@app.command()
def rename(
    name: Annotated[str, typer.Argument(help="The new name.")],
    room_id: RoomOption,
    as_json: JsonOption = False,
) -> None:
    """Give a room another name; owners only."""
    from sleap_rtc.client.display import console, print_json
    from sleap_rtc.client.room_requests import checked_room_name

    room = _service(room_id).rename_room(room_id, checked_room_name(name))
    if as_json:
        print_json(room)
    else:
        console.print(f"Room {room_id} is called {room.name} now.", markup=False)


@app.command()
def invite(
    room_id: RoomOption,
    role: Annotated[RoleChoice, typer.Option(help="What he may do.")] = RoleChoice.MEMBER,
    expires: Annotated[
        str, typer.Option(metavar="TIME", help="Good for so long: 12h, 7d; 30d at most.")
    ] = "7d",
    uses: Annotated[int, typer.Option(min=1, max=_MOST, help="How many people it is for.")] = 1,
    revoke: Annotated[
        str,
        typer.Option(metavar="ID", help="Take an invitation back; `rooms show` lists those that are open."),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Make an invitation to a room, to be sent to whom it is for; owners only."""
    from sleap_rtc.client.display import console, print_json
    from sleap_rtc.client.room_display import print_invitation
    from sleap_rtc.client.room_requests import invitation_of

    service = _service(room_id)
    if revoke:
        service.revoke_invitation(room_id, revoke)
        if as_json:
            print_json(service.room(room_id).invitations)
        else:
            console.print(f"Invitation {revoke} lets nobody in any more.", markup=False)
        return
    made = service.invite(room_id, invitation_of(role.value, expires, uses))
    if as_json:
        print_json(made)
    else:
        print_invitation(made, room_id)


@app.command()
def join(
    invitation: Annotated[str, typer.Argument(help="What you were sent.")], as_json: JsonOption = False
) -> None:
    """Come into a room that you were invited to."""
    from sleap_rtc.client.display import console, print_json
    from sleap_rtc.client.room_requests import joining
    from sleap_rtc.client.wiring import service_client

    room = service_client().join(joining(invitation))
    if as_json:
        print_json(room)
    else:
        console.print(f"You are {room.role} of room {room.room_id} ({room.name}).", markup=False)


@app.command()
def members(
    room_id: RoomOption,
    set_role: Annotated[
        str, typer.Option(metavar="NAME=ROLE", help="Make somebody owner, member or reader; owners only.")
    ] = "",
    remove: Annotated[str, typer.Option(metavar="NAME", help="Remove somebody; owners only.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List a room's members, or change what one of them may do. NAME is a name or a subject."""
    from sleap_rtc.client.display import console, print_json
    from sleap_rtc.client.room_display import print_members
    from sleap_rtc.client.room_names import member_named
    from sleap_rtc.client.room_requests import parse_role
    from sleap_rtc.storage.errors import InputError

    if set_role and remove:
        raise InputError(message="Give either --set-role or --remove, one at a time.")
    service = _service(room_id)
    present = service.members(room_id)
    if set_role:
        name, role = parse_role(set_role)
        changed = service.set_role(room_id, member_named(present, name, room_id).subject, role)
        told = f"{changed.name} is {changed.role} of room {room_id} now."
    elif remove:
        gone = member_named(present, remove, room_id)
        service.remove_member(room_id, gone.subject)
        told = f"{gone.name} is in room {room_id} no more."
    if as_json:
        print_json(service.members(room_id) if set_role or remove else present)
    elif set_role or remove:
        console.print(told, markup=False)
    else:
        print_members(present)


@app.command()
def leave(room_id: RoomOption) -> None:
    """Leave a room; its last owner cannot."""
    from contextlib import suppress

    from sleap_rtc.client.display import console
    from sleap_rtc.storage.errors import NotFound

    service = _service(room_id)
    service.room(room_id)
    with suppress(NotFound):  # of a second try, after a reply that was lost: it is done
        service.leave(room_id)
    console.print(f"You left room {room_id}. Only a new invitation brings you back.", markup=False)


@app.command()
def watch(
    room_id: RoomOption,
    last: Annotated[int, typer.Option(min=0, max=_MOST, help="Begin with the last so many.")] = 10,
    since: Annotated[str, typer.Option(metavar="TIME", help="Begin so long ago instead: 2h, 7d.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Watch what happens in a room until Ctrl-C: members, models and jobs, a line for each."""
    from datetime import UTC, datetime

    from sleap_rtc.client import room_news
    from sleap_rtc.client.room_display import NewsJsonLines, NewsLines
    from sleap_rtc.client.time_span import parse_span

    begin = datetime.now(UTC) - parse_span("--since", since) if since else None
    watcher = NewsJsonLines() if as_json else NewsLines()
    room_news.watch(_service(room_id), room_id, watcher, last, begin)
