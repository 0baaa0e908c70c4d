"""Adapter: `sleap-rtc models rm`, `restore`, `history`, `diff`, `gc` and `repair`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sleap_rtc.client.cli.options import JsonOption, ModelArgument, RoomOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.events.registry_api import OrphanView

app = typer.Typer()
_MOST = 1000


def _service(room_id: str) -> ServiceClient:
    from sleap_rtc.client.wiring import service_client
    from sleap_rtc.storage.keys import checked_room_id

    checked_room_id(room_id)
    return service_client()


@app.command("rm")
def remove(model: ModelArgument, room_id: RoomOption) -> None:
    """Hide a model from the room; its files, names and tags stay, and `restore` brings it back."""
    from sleap_rtc.client.display import console

    found = _service(room_id).remove_model(room_id, model).model
    again = f"`sleap-rtc models restore {found.id} -r {room_id}` brings it back"
    console.print(f"Model {found.id} is removed; its files are kept. {again}.", markup=False)


@app.command()
def restore(model: ModelArgument, room_id: RoomOption) -> None:
    """Bring a removed model back, with all of its names and tags."""
    from sleap_rtc.client.display import console

    found = _service(room_id).restore_model(room_id, model).model
    console.print(f"Model [bold]{found.id}[/bold] ({found.model_type}) is in the room.")


@app.command()
def history(
    room_id: RoomOption,
    most: Annotated[int, typer.Option("--most", min=1, max=_MOST, help="How many changes to list.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List who changed what in the room's models, the newest first."""
    from sleap_rtc.client.display import print_json, print_table

    entries = _service(room_id).history(room_id, most)
    if as_json:
        print_json(entries)
        return
    print_table(
        "",
        ("REVISION", "TIME (UTC)", "BY", "WHAT"),
        ((str(each.revision), f"{each.at:%Y-%m-%d %H:%M:%S}", each.by, each.what) for each in entries),
        "Nothing has happened to models of this room yet.",
    )


@app.command()
def diff(
    before: Annotated[int, typer.Argument(min=0, help="A revision; `models history` lists them.")],
    room_id: RoomOption,
    after: Annotated[int | None, typer.Argument(min=0, help="A later one. [default: the newest]")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what changed between two revisions, or since one."""
    from sleap_rtc.client.display import console, print_json

    found = _service(room_id).diff(room_id, before, after)
    if as_json:
        print_json(found)
        return
    console.print(f"From revision {found.before} to {found.after}:", style="bold")
    for sentence in found.changes or ["nothing changed"]:
        console.print(f"  {sentence}", markup=False)


@app.command()
def gc(
    room_id: RoomOption,
    grace: Annotated[
        str, typer.Option("--grace", metavar="TIME", help="Spare what was written later: 24h, 7d.")
    ] = "24h",
    delete: Annotated[bool, typer.Option("--delete", help="Delete it, after a question.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List folders of models that never came into the room, and delete them with --delete. For owners."""
    from sleap_rtc.client.display import console, human_bytes, print_json
    from sleap_rtc.client.model_words import count, parse_grace
    from sleap_rtc.events.registry_api import CollectGarbage

    service, grace_h = _service(room_id), parse_grace(grace)
    found = service.collect_garbage(room_id, CollectGarbage(grace_h=grace_h))
    if not as_json:
        _print_orphans(found.orphans, grace)
    if delete and found.orphans:
        _check_delete(len(found.orphans), yes=yes)
        found = service.collect_garbage(room_id, CollectGarbage(grace_h=grace_h, delete=True))
        if not as_json:
            freed = human_bytes(sum(each.size_bytes for each in found.orphans))
            console.print(f"Deleted: {count(len(found.orphans), 'folder')}, {freed}.")
    elif found.orphans and not as_json:
        console.print("Nothing was deleted; --delete deletes them.", style="dim")
    if as_json:
        print_json(found)


def _print_orphans(orphans: Sequence[OrphanView], grace: str) -> None:
    from sleap_rtc.client.display import console, human_bytes, print_table
    from sleap_rtc.client.model_words import count

    print_table(
        "",
        ("FOLDER", "SIZE", "LAST WRITTEN (UTC)"),
        ((each.folder, human_bytes(each.size_bytes), f"{each.modified:%Y-%m-%d %H:%M}") for each in orphans),
        f"Nothing that is older than {grace} is left over in this room.",
    )
    if orphans:
        total = human_bytes(sum(each.size_bytes for each in orphans))
        console.print(f"{count(len(orphans), 'folder')}, {total} in all.")


def _check_delete(folders: int, *, yes: bool) -> None:
    """Return if so many folders may be deleted. Raises NotConfirmed."""
    from sleap_rtc.client.model_errors import NotConfirmed

    what = f"{folders} folders" if folders > 1 else "this folder"
    if not yes and not (sys.stdin.isatty() and typer.confirm(f"Delete {what} for good?", default=False)):
        raise NotConfirmed(what=what)


@app.command()
def repair(room_id: RoomOption, as_json: JsonOption = False) -> None:
    """Bring back a manifest that is lost or damaged, and models that it does not name. For owners."""
    from sleap_rtc.client.display import console, print_json
    from sleap_rtc.client.model_words import count

    said = _service(room_id).repair(room_id)
    if as_json:
        print_json(said)
        return
    for sentence in said.found:
        console.print(sentence, markup=False)
    for sentence in said.done or ["There was nothing to do."]:
        console.print(sentence, markup=False, style="bold")
    console.print(f"The room has {count(said.models, 'model')}, at revision {said.revision}.")
