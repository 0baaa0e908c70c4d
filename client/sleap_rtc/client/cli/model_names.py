"""Adapter: `sleap-rtc models alias`, `version`, `tag` and `note`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from sleap_rtc.client.cli.options import ModelArgument, RoomOption

if TYPE_CHECKING:
    from sleap_rtc.client.service_client import ServiceClient

app = typer.Typer()


class _TagCommand(TyperCommand):
    """Takes `+good` and `-old` for options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        from sleap_rtc.client.model_words import tag_options

        return super().parse_args(ctx, list(tag_options(args)))


@app.command()
def alias(
    room_id: RoomOption,
    model: Annotated[
        str | None, typer.Argument(help="The model's id, an alias, or a version such as flies@2.")
    ] = None,
    name: Annotated[str | None, typer.Argument(help="The alias.")] = None,
    remove: Annotated[
        str | None, typer.Option("--rm", metavar="NAME", help="Take this alias off instead.")
    ] = None,
    move: Annotated[bool, typer.Option("--move", help="Take it from the model that has it.")] = False,
) -> None:
    """Let an alias name a model. One that names another model is moved after a question, or with --move."""
    from sleap_rtc.client.display import console
    from sleap_rtc.client.wiring import service_client
    from sleap_rtc.events.registry_api import SetAlias
    from sleap_rtc.storage.keys import checked_room_id
    from sleap_rtc.storage.model_name import checked_name

    service = service_client()
    checked_room_id(room_id)
    if remove is not None:
        if model is not None:
            raise typer.BadParameter("--rm takes the alias alone, no model")
        _take_off(service, room_id, remove)
        return
    if model is None or name is None:
        raise typer.BadParameter("an alias needs a model and a name: models alias MODEL NAME")
    checked_name(name)
    model_id = service.model(room_id, model).model.id
    holder = service.aliases(room_id).get(name)
    if holder not in (None, model_id) and not move:
        _ask_to_move(service, room_id, name, holder, model_id)
    service.set_alias(room_id, name, SetAlias(model=model_id, expected=holder))
    before = f" and no longer {holder}" if holder not in (None, model_id) else ""
    console.print(f"Alias [bold]{name}[/bold] names {model_id}{before}.")


def _ask_to_move(service: ServiceClient, room_id: str, name: str, holder: str, model_id: str) -> None:
    """Return if somebody at the terminal says that an alias may be moved. Raises AliasTaken."""
    from sleap_rtc.client.model_errors import AliasTaken
    from sleap_rtc.storage.manifest_changes import ModelRemoved

    try:
        model = service.model(room_id, holder).model
        about = f"{holder} ({model.model_type}, trained {model.training.trained_at:%Y-%m-%d %H:%M} UTC)"
    except ModelRemoved:
        about = f"{holder}, which was removed"
    asked = f"The alias {name} names model {about}. Let it name {model_id}?"
    if not (sys.stdin.isatty() and typer.confirm(asked, default=False)):
        raise AliasTaken(alias=name, holder=about)


def _take_off(service: ServiceClient, room_id: str, name: str) -> None:
    from sleap_rtc.client.display import console
    from sleap_rtc.storage.errors import NotFound

    holder = service.aliases(room_id).get(name)
    if holder is None:
        raise NotFound(what=f"alias {name} in room {room_id}")
    service.remove_alias(room_id, name, holder)
    console.print(f"Alias [bold]{name}[/bold] is gone; it named {holder}.")


@app.command()
def version(
    model: ModelArgument,
    name: Annotated[str, typer.Argument(help="The name that gets one version more.")],
    room_id: RoomOption,
) -> None:
    """Make a model the next version of a name: flies@1, flies@2 and so on, and flies@latest."""
    from sleap_rtc.client.display import console
    from sleap_rtc.client.wiring import service_client
    from sleap_rtc.events.registry_api import AddVersion
    from sleap_rtc.storage.keys import checked_room_id
    from sleap_rtc.storage.model_name import checked_name

    service = service_client()
    checked_name(name)
    model_id = service.model(checked_room_id(room_id), model).model.id
    details = service.add_version(room_id, AddVersion(name=name, model=model_id))
    console.print(f"Model {model_id} is [bold]{name}@{details.versions[name]}[/bold].")


@app.command(cls=_TagCommand)
def tag(
    model: ModelArgument,
    room_id: RoomOption,
    add: Annotated[
        list[str] | None, typer.Option("--add", metavar="TAG", help="A new tag; `+TAG` for short.")
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="TAG", help="Take a tag off; `-TAG` for short.")
    ] = None,
) -> None:
    """Give a model tags and take some from it: tag MODEL +good -old."""
    from sleap_rtc.client.display import console
    from sleap_rtc.client.wiring import service_client
    from sleap_rtc.events.registry_api import MOST_TAGS, ChangeModel
    from sleap_rtc.storage.errors import InputError
    from sleap_rtc.storage.keys import checked_room_id
    from sleap_rtc.storage.model_name import checked_tag

    new, old = [checked_tag(each) for each in add or []], [checked_tag(each) for each in remove or []]
    if not new and not old:
        raise typer.BadParameter("say which tags: +good to add one, -old to take one off")
    if max(len(new), len(old)) > MOST_TAGS:
        raise InputError(message=f"At most {MOST_TAGS} tags are changed at a time.")
    changed = service_client().change_model(
        checked_room_id(room_id), model, ChangeModel(add_tags=new, remove_tags=old)
    )
    tags = ", ".join(changed.model.tags) or "none"
    console.print(f"Model {changed.model.id} has these tags: {tags}.", markup=False)


@app.command()
def note(
    model: ModelArgument,
    text: Annotated[
        str, typer.Argument(help="The notes; - reads them from standard input, '' removes them.")
    ],
    room_id: RoomOption,
) -> None:
    """Replace a model's notes."""
    from sleap_rtc.client.display import console
    from sleap_rtc.client.wiring import service_client
    from sleap_rtc.events.registry_api import ChangeModel
    from sleap_rtc.storage.keys import checked_room_id
    from sleap_rtc.storage.manifest_changes import checked_notes

    notes = checked_notes(sys.stdin.read().rstrip("\n") if text == "-" else text)
    changed = service_client().change_model(checked_room_id(room_id), model, ChangeModel(notes=notes))
    console.print(f"Model {changed.model.id} has {'new notes' if notes else 'no notes any more'}.")
