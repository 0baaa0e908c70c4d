"""Adapter: `sleap-rtc uploads`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sleap_rtc.client.cli.options import JsonOption, LimitOption, RoomOption

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Datasets on their way to a room.")


@app.command()
def put(
    file: Annotated[Path, typer.Argument(help="The file to send.")],
    room_id: RoomOption,
    limit: LimitOption = "",
    as_json: JsonOption = False,
) -> None:
    """Send a file to a room; run it again after a cut, and it goes on. What is there is not sent again."""
    from dataclasses import asdict
    from functools import partial

    from sleap_rtc.client import wiring
    from sleap_rtc.client.display import JsonWatcher, console, human_bytes, transfer_bar
    from sleap_rtc.storage.keys import checked_room_id

    checked_room_id(room_id)
    settings = wiring.settings_for(limit)
    service = wiring.service_client(settings)
    if as_json:
        watcher = JsonWatcher()
        with watcher.transfer() as lines:
            sent = wiring.uploader(service, settings, lambda _: None).upload(file, room_id, None, lines)
        watcher.tell("uploaded", **asdict(sent))
        return
    with transfer_bar(f"Uploading {file.name}") as bar:
        say = partial(console.print, markup=False)
        sent = wiring.uploader(service, settings, say).upload(file, room_id, None, bar)
    earlier = f"{human_bytes(sent.resumed_bytes)} of it from an earlier run"
    parts = "" if sent.already_present else f" in {sent.parts} parts, {earlier}"
    if sent.tally.retries:
        parts += f", {sent.tally.retries} tries repeated"
    console.print(
        f"{sent.path}\n{human_bytes(sent.size_bytes)}{parts}, {sent.checksum}\nupload {sent.upload_id}",
        markup=False,
    )


@app.command("ls")
def list_uploads(room_id: RoomOption, as_json: JsonOption = False) -> None:
    """List the room's uploads and how far they are."""
    from sleap_rtc.client.display import human_bytes, print_json, print_table
    from sleap_rtc.client.wiring import service_client

    uploads = service_client().uploads(room_id)
    if as_json:
        print_json(uploads)
        return
    print_table(
        "",
        ("UPLOAD", "FILE", "SIZE", "STATE", "STORED", "CREATED"),
        (
            (
                u.upload_id,
                u.file_name,
                human_bytes(u.size_bytes),
                u.state,
                human_bytes(
                    u.size_bytes
                    if u.state == "completed"
                    else sum(part.size_bytes for part in u.parts.values())
                ),
                f"{u.created_at:%Y-%m-%d %H:%M}",
            )
            for u in uploads
        ),
        "No uploads in this room.",
    )


@app.command()
def abort(upload_id: Annotated[str, typer.Argument(help="`sleap-rtc uploads ls`.")]) -> None:
    """Give an unfinished upload up and free what it holds."""
    from sleap_rtc.client.display import console
    from sleap_rtc.client.wiring import service_client

    status = service_client().abort_upload(upload_id)
    console.print(f"Upload {status.upload_id} of {status.file_name} is aborted.")
