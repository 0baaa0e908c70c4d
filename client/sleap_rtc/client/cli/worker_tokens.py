"""Adapter: `sleap-rtc rooms worker-token` and `worker-tokens`."""

from __future__ import annotations

from typing import Annotated

import typer

from sleap_rtc.client.cli.options import JsonOption, RoomOption

app = typer.Typer()


@app.command("worker-token")
def worker_token(
    room_id: RoomOption,
    name: Annotated[
        str, typer.Option(help="What people call the machine, such as 'microscope room'.")
    ] = "worker",
    expires: Annotated[
        str, typer.Option(metavar="TIME", help="Good for so long: 12h, 90d; 366d at most.")
    ] = "90d",
    revoke: Annotated[
        str, typer.Option(metavar="ID", help="Take a token back; `rooms worker-tokens` lists them.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Make a token for a worker of a room, good for its work there and for nothing else; owners only."""
    from sleap_rtc.client.display import console, print_json
    from sleap_rtc.client.room_display import print_worker_token
    from sleap_rtc.client.room_requests import worker_token_of
    from sleap_rtc.client.wiring import service_client
    from sleap_rtc.storage.keys import checked_room_id

    service = service_client()
    checked_room_id(room_id)
    if revoke:
        service.revoke_worker_token(room_id, revoke)
        if as_json:
            print_json(service.worker_tokens(room_id))
        else:
            console.print(f"Worker token {revoke} lets nobody in any more.", markup=False)
        return
    given = service.give_worker_token(room_id, worker_token_of(name, expires))
    if as_json:
        print_json(given)
    else:
        print_worker_token(given, room_id, service.url)


@app.command("worker-tokens")
def worker_tokens(room_id: RoomOption, as_json: JsonOption = False) -> None:
    """List the tokens by which workers come into a room; owners only."""
    from datetime import UTC, datetime

    from sleap_rtc.client.display import print_json
    from sleap_rtc.client.room_display import print_worker_tokens
    from sleap_rtc.client.wiring import service_client
    from sleap_rtc.storage.keys import checked_room_id

    found = service_client().worker_tokens(checked_room_id(room_id))
    if as_json:
        print_json(found)
    else:
        print_worker_tokens(found, datetime.now(UTC))
