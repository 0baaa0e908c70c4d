"""Adapter: `sleap-rtc models ls`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sleap_rtc.client.cli.options import JsonOption, RoomOption

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sleap_rtc.client.model_registry import ClientModelRegistry
    from sleap_rtc.storage.manifest import Manifest

app = typer.Typer(add_completion=False)


@app.command("ls")
def list_models(
    room_id: RoomOption = "",
    here: Annotated[bool, typer.Option("--here", help="List what is on this machine instead.")] = False,
    tag: Annotated[str | None, typer.Option("--tag", help="Only models with this tag.")] = None,
    model_type: Annotated[str | None, typer.Option("--type", help="Only models of this type.")] = None,
    removed: Annotated[bool, typer.Option("--removed", help="Those that were removed instead.")] = False,
    most: Annotated[int, typer.Option("--most", min=1, help="How many to list.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the room's newest models, as they last were if the service is away; or those on this machine."""
    from sleap_rtc.client import wiring
    from sleap_rtc.client.display import console, print_json
    from sleap_rtc.client.model_display import models_table
    from sleap_rtc.events.model_page import model_page
    from sleap_rtc.settings import load_settings

    registry = wiring.registry(load_settings())
    if here:
        _list_here(registry, as_json)
        return
    if not room_id:
        raise typer.BadParameter("name a room with --room-id, or take --here")
    page = model_page(_manifest(room_id, registry), most, tag=tag, model_type=model_type, removed=removed)
    if as_json:
        print_json(page.models)
    elif not page.models:
        chosen = tag or model_type or removed
        console.print("No such models in this room." if chosen else "No models in this room yet.")
    else:
        console.print(models_table(page.models, _here(registry.get_all_models())))
        if page.after:
            shown = f"These are the newest {len(page.models)} of {page.total:,}; --most lists more."
            console.print(shown, style="dim")


def _manifest(room_id: str, registry: ClientModelRegistry) -> Manifest:
    from datetime import UTC, datetime

    from sleap_rtc.client import wiring
    from sleap_rtc.client.room_knowledge import ASK_NOW, ensure_fresh
    from sleap_rtc.settings import load_settings
    from sleap_rtc.storage.keys import checked_room_id

    service = wiring.service_client(load_settings())
    known = ensure_fresh(registry, checked_room_id(room_id), service, datetime.now(UTC), ASK_NOW)
    if known.note or known.unkept:
        typer.echo(f"sleap-rtc: {known.note or known.unkept}", err=True)
    return known.view.manifest


def _list_here(registry: ClientModelRegistry, as_json: bool) -> None:
    from sleap_rtc.client.display import human_bytes, print_json, print_table
    from sleap_rtc.client.local_models import local_models

    models = local_models(registry)
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


def _here(entries: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Return, for each model that is on this machine, whether its files look right."""
    from sleap_rtc.client.local_models import files_state

    return {
        model_id: "yes" if files_state(entry)[0] else "damaged"
        for model_id, entry in entries.items()
        if entry.get("local_path")
    }


def _room(room_id: str | None, removed: dict[str, str]) -> str:
    when = removed.get(room_id or "")
    return f"{room_id} (removed there {when[:10]})" if when else room_id or ""
