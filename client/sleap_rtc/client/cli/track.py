"""Adapter: `sleap-rtc client-track`, with the options of the existing tool in both spellings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sleap_rtc.client.cli.options import (
    AutoSelectOption,
    JsonOption,
    MinGpuMemoryOption,
    SessionStringOption,
    TokenOption,
    WorkerIdOption,
    named_by_option,
)

app = typer.Typer(add_completion=False)


@app.command()
def client_track(
    context: typer.Context,
    data_path: Annotated[
        Path,
        typer.Option(
            "--data-path",
            "--data_path",
            "-d",
            help="The .slp file with its images in it, or a package with a track-script.sh (.zip).",
        ),
    ],
    model_paths: Annotated[
        list[str] | None,
        typer.Option(
            "--model-paths",
            "--model_paths",
            "-m",
            help="A model: a folder, an id or an alias. Once for each, in the order in which they are used.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the predictions are to lie.")] = Path(
        "predictions.slp"
    ),
    only_suggested_frames: Annotated[
        bool,
        typer.Option(
            "--only-suggested-frames/--all-frames",
            "--only_suggested_frames/--all_frames",
            help="Which frames to predict poses for.",
        ),
    ] = True,
    room_id: Annotated[
        str, typer.Option("--room-id", "--room_id", "-r", envvar="SLEAP_RTC_ROOM_ID", help="The room.")
    ] = "",
    session_string: SessionStringOption = "",
    token: TokenOption = "",
    worker_id: WorkerIdOption = "",
    auto_select: AutoSelectOption = False,
    min_gpu_memory: MinGpuMemoryOption = None,
    registry_path: Annotated[
        Path | None,
        typer.Option(
            "--registry-path", "--registry_path", help="Another registry file than the one of this machine."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Predict poses on a remote GPU: send data and models to a worker, have the predictions here."""
    from sleap_rtc.client.tracking import TrackOrder, TrackSession
    from sleap_rtc.client.train_order import place_of

    place = place_of(
        session_string,
        room_id,
        token,
        worker_id,
        auto_select=auto_select,
        min_gpu_memory_mb=min_gpu_memory,
        room_by_option=named_by_option(context, "room_id"),
    )
    order = TrackOrder(
        data=data_path,
        models=tuple(model_paths or ()),
        output=output,
        place=place,
        only_suggested_frames=only_suggested_frames,
        registry=registry_path,
    )
    TrackSession(order, as_json=as_json).run()
