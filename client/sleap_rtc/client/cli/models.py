"""Adapter: `sleap-rtc models`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sleap_rtc.client.cli import model_care, model_list, model_names, model_show
from sleap_rtc.client.cli.options import JsonOption, LimitOption, RoomOption

if TYPE_CHECKING:
    from sleap_rtc.client.model_source import FoundModel

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Models of a room, and those on this machine."
)
for part in (model_list, model_show, model_names, model_care):
    app.add_typer(part.app)


@app.command()
def pull(
    model: Annotated[str, typer.Argument(help="The model's id, alias or name@version.")],
    room_id: RoomOption,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to put it in instead of the registry's.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read the files that are here again, every byte.")
    ] = False,
) -> None:
    """Download a model, verify it, and enter it in the local registry; what is here is not sent again."""
    from sleap_rtc.client import wiring
    from sleap_rtc.client.display import console, human_bytes, transfer_bar
    from sleap_rtc.client.model_check import Reading
    from sleap_rtc.client.model_source import ModelSource
    from sleap_rtc.settings import load_settings

    settings = load_settings()
    source = ModelSource(
        wiring.service_client(settings),
        wiring.registry(settings),
        room_id,
        peers_of=wiring.peers_of(settings, room_id),
        traffic=wiring.traffic(settings),
    )
    reading = Reading.ALL if verify else Reading.TOUCHED
    with transfer_bar(f"Pulling {model}") as bar:
        found = source.bring(model, output, reading=reading, on_progress=bar)
    for damage in found.mended:
        console.print(f"{damage}; it was downloaded again.", markup=False, style="yellow")
    console.print(_told(found), markup=False)
    if from_peers := found.brought.peer + found.brought.relayed:
        whole = "all" if not found.brought.s3 else f"all but {human_bytes(found.brought.s3)}"
        relayed = f", {human_bytes(found.brought.relayed)} through a relay" if found.brought.relayed else ""
        told = f"{whole} of it came from a desktop of the room ({human_bytes(from_peers)}{relayed})."
        console.print(told[0].upper() + told[1:], markup=False)
    if found.note:
        typer.echo(f"sleap-rtc: {found.note}", err=True)


def _told(found: FoundModel) -> str:
    if found.how == "downloaded":
        return f"Model {found.model_id} is verified: {found.folder}"
    if found.verified:
        return f"Model {found.model_id} is here and verified, nothing was sent: {found.folder}"
    return f"Model {found.model_id} is here; nobody noted what its files have to be: {found.folder}"


@app.command()
def push(
    folder: Annotated[Path, typer.Argument(help="The folder that training left.")],
    room_id: RoomOption,
    model_type: Annotated[
        str,
        typer.Option(
            "--type",
            help="The kind, such as centroid, where the training configuration does not tell.",
        ),
    ] = "",
    limit: LimitOption = "",
    as_json: JsonOption = False,
) -> None:
    """Bring a model of this machine to a room; run it again after a cut, and what is missing is sent."""
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
            pushed = wiring.pusher(service, settings, lambda _: None).push(folder, room_id, model_type, lines)
        watcher.tell("pushed", **asdict(pushed))
        return
    say = partial(console.print, markup=False)
    with transfer_bar(f"Pushing {folder.name}") as bar:
        pushed = wiring.pusher(service, settings, say).push(folder, room_id, model_type, bar)
    name = f"Model {pushed.model_id} ({pushed.model_type})"
    if pushed.already_present:
        say(f"{name} is in room {room_id} already, so nothing was sent.")
    else:
        say(f"{name} was sent: {human_bytes(pushed.sent_bytes)} of {human_bytes(pushed.size_bytes)}.")
    if pushed.shown:
        say(f"The room shows it: sleap-rtc models pull {pushed.model_id} -r {room_id}")
    else:
        say(
            "The room does not show it yet: its service is slow to hear of it. It will by itself; look with"
            f" `sleap-rtc models ls -r {room_id}`. If it stays away for an hour, ask the operator to look at"
            " `sleap-rtc events dlq ls`."
        )
