"""Adapter: `sleap-rtc models`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sleap_rtc.client.cli.options import JsonOption, RoomOption

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Models of a room, and those on this machine."
)


@app.command("ls")
def list_models(room_id: RoomOption, as_json: JsonOption = False) -> None:
    """List the room's models."""
    from sleap_rtc.client import wiring
    from sleap_rtc.client.display import human_bytes, print_json, print_table
    from sleap_rtc.settings import load_settings
    from sleap_rtc.storage import manifest_changes

    settings = load_settings()
    manifest = wiring.service_client(settings).manifest(room_id)
    models = list(reversed(manifest_changes.list_models(manifest)))
    if as_json:
        print_json(models)
        return
    here = wiring.registry(settings)
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
                "yes" if here.exists(model.id) else "",
            )
            for model in models
        ),
        "No models in this room yet.",
    )


def _error(metrics: dict[str, object]) -> str:
    value = metrics.get("val_error_px")
    return f"{value:.2f} px" if isinstance(value, float | int) else ""


@app.command()
def pull(
    model: Annotated[str, typer.Argument(help="The model's id or alias.")],
    room_id: RoomOption,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to put it in instead of the registry's.")
    ] = None,
) -> None:
    """Download a model, verify it, and enter it in the local registry."""
    from sleap_rtc.client import wiring
    from sleap_rtc.client.display import console, transfer_bar
    from sleap_rtc.client.pull import pull_model
    from sleap_rtc.settings import load_settings

    settings = load_settings()
    service = wiring.service_client(settings)
    with transfer_bar(f"Pulling {model}") as bar:
        found, folder = pull_model(service, wiring.registry(settings), room_id, model, output, bar)
    console.print(f"Model [bold]{found.id}[/bold] ({found.model_type}) is verified: {folder}")
