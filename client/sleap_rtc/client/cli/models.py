"""Adapter: `sleap-rtc models`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sleap_rtc.client.cli.options import JsonOption, LimitOption, RoomOption

if TYPE_CHECKING:
    from sleap_rtc.client.model_source import FoundModel

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Models of a room, and those on this machine."
)


@app.command("ls")
def list_models(
    room_id: RoomOption = "",
    here: Annotated[bool, typer.Option("--here", help="List what is on this machine instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the room's models, as they were if the service does not answer; or those on this machine."""
    if here:
        _list_here(as_json)
    elif room_id:
        _list_room(room_id, as_json)
    else:
        raise typer.BadParameter("name a room with --room-id, or take --here")


def _list_room(room_id: str, as_json: bool) -> None:
    from datetime import UTC, datetime

    from sleap_rtc.client import wiring
    from sleap_rtc.client.display import human_bytes, print_json, print_table
    from sleap_rtc.client.room_knowledge import ASK_NOW, ensure_fresh
    from sleap_rtc.settings import load_settings
    from sleap_rtc.storage import manifest_changes

    settings = load_settings()
    registry = wiring.registry(settings)
    service = wiring.service_client(settings)
    known = ensure_fresh(registry, room_id, service, datetime.now(UTC), ASK_NOW)
    if known.note or known.unkept:
        typer.echo(f"sleap-rtc: {known.note or known.unkept}", err=True)
    models = list(reversed(manifest_changes.list_models(known.view.manifest)))
    if as_json:
        print_json(models)
        return
    entries = registry.get_all_models()
    print_table(
        "",
        ("MODEL", "TYPE", "SIZE", "TRAINER", "TRAINED", "ERROR", "HERE"),
        (
            (
                model.id,
                model.model_type,
                human_bytes(model.storage.size_bytes),
                model.training.trainer,
                f"{model.training.trained_at:%Y-%m-%d %H:%M}",
                _error(model.training.metrics),
                _here(entries.get(model.id)),
            )
            for model in models
        ),
        "No models in this room yet.",
    )


def _list_here(as_json: bool) -> None:
    from sleap_rtc.client import wiring
    from sleap_rtc.client.display import human_bytes, print_json, print_table
    from sleap_rtc.client.local_models import local_models
    from sleap_rtc.settings import load_settings

    models = local_models(wiring.registry(load_settings()))
    if as_json:
        print_json(models)
        return
    print_table(
        "",
        ("MODEL", "ALIAS", "TYPE", "SIZE", "ROOM", "DOWNLOADED", "FILES"),
        (
            (
                model.id,
                model.alias or "",
                model.model_type,
                "" if model.size_bytes is None else human_bytes(model.size_bytes),
                _room(model.room, model.removed_from),
                (model.downloaded_at or "")[:16].replace("T", " "),
                model.files,
            )
            for model in models
        ),
        "No models on this machine yet.",
    )


def _here(entry: dict[str, Any] | None) -> str:
    from sleap_rtc.client.local_models import files_state

    if entry is None or not entry.get("local_path"):
        return ""
    return "yes" if files_state(entry)[0] else "damaged"


def _room(room_id: str | None, removed: dict[str, str]) -> str:
    when = removed.get(room_id or "")
    return f"{room_id} (removed there {when[:10]})" if when else room_id or ""


def _error(metrics: dict[str, object]) -> str:
    value = metrics.get("val_error_px")
    return f"{value:.2f} px" if isinstance(value, float | int) else ""


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
    from sleap_rtc.client.display import console, transfer_bar
    from sleap_rtc.client.model_check import Reading
    from sleap_rtc.client.model_source import ModelSource
    from sleap_rtc.settings import load_settings

    settings = load_settings()
    source = ModelSource(wiring.service_client(settings), wiring.registry(settings), room_id)
    reading = Reading.ALL if verify else Reading.TOUCHED
    with transfer_bar(f"Pulling {model}") as bar:
        found = source.bring(model, output, reading=reading, on_progress=bar)
    for damage in found.mended:
        console.print(f"{damage}; it was downloaded again.", markup=False, style="yellow")
    console.print(_told(found), markup=False)
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
