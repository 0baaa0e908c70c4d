"""Adapter: `sleap-rtc rooms`."""

from __future__ import annotations

from typing import Annotated

import typer

from sleap_rtc.client.cli.options import JsonOption

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Rooms: who shares datasets, jobs and models."
)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="A name for people, such as 'Mouse lab'.")],
    as_json: JsonOption = False,
) -> None:
    """Open a room; you own it."""
    from sleap_rtc.client.display import console, print_json
    from sleap_rtc.client.wiring import service_client

    room = service_client().create_room(name)
    if as_json:
        print_json(room)
    else:
        console.print(f"Room [bold]{room.room_id}[/bold] ({name}) is open.")


@app.command("ls")
def list_rooms(as_json: JsonOption = False) -> None:
    """List the rooms that you are in."""
    from sleap_rtc.client.display import print_json, print_table
    from sleap_rtc.client.wiring import service_client

    rooms = service_client().rooms()
    if as_json:
        print_json(rooms)
        return
    print_table(
        "",
        ("ROOM", "NAME", "ROLE", "CREATED"),
        ((r.room_id, r.name, r.role, f"{r.created_at:%Y-%m-%d %H:%M}") for r in rooms),
        "You are in no room. `sleap-rtc rooms create NAME` opens one.",
    )
