"""Adapter: `sleap-rtc models show` and `plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sleap_rtc.client.cli.options import JsonOption, ModelArgument, RoomOption

app = typer.Typer()


@app.command()
def show(model: ModelArgument, room_id: RoomOption, as_json: JsonOption = False) -> None:
    """Show a model: its names, tags and notes, what made it, its files and how its training went."""
    from sleap_rtc.client import wiring
    from sleap_rtc.client.display import print_json
    from sleap_rtc.client.model_display import print_model
    from sleap_rtc.settings import load_settings
    from sleap_rtc.storage.keys import checked_room_id

    settings = load_settings()
    details = wiring.service_client(settings).model(checked_room_id(room_id), model)
    if as_json:
        print_json(details)
    else:
        print_model(details, here=wiring.registry(settings).exists(details.model.id))


@app.command()
def plot(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="Models by id, alias or version, such as flies@2.")
    ],
    room_id: RoomOption,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The picture: .png, .svg or .pdf. [default: loss-MODEL.png]"),
    ] = None,
) -> None:
    """Draw the loss of a model's training, or of several in one picture. Needs sleap-rtc\\[plot]."""
    from sleap_rtc.client.display import console
    from sleap_rtc.client.loss_curve import loss_curve
    from sleap_rtc.client.loss_plot import NamedCurve, checked_picture, plot_losses
    from sleap_rtc.client.model_errors import NoLossCurve
    from sleap_rtc.client.model_words import title
    from sleap_rtc.client.wiring import service_client
    from sleap_rtc.storage.keys import checked_room_id

    service = service_client()
    if output is not None:
        checked_picture(output)
    curves = {}
    for name in models:
        details = service.model(checked_room_id(room_id), name)
        if details.record is None:
            raise NoLossCurve(model_id=details.model.id, why="its own record is damaged or gone")
        curve = loss_curve(details.record.metrics)
        if curve is None:
            raise NoLossCurve(model_id=details.model.id, why="its trainer told no losses, or it was pushed")
        curves[details.model.id] = NamedCurve(title(details), curve)
    path = output or Path(f"loss-{'-'.join([*curves][:4])}.png")
    plot_losses(list(curves.values()), path)
    console.print(f"The picture is {path}.", markup=False)
