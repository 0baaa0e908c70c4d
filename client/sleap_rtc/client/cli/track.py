"""Adapter: `sleap-rtc client-track`, with the options of the existing tool in both spellings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sleap_rtc.client.cli.options import (
    AnyRoomOption,
    AutoSelectOption,
    ForcedTransport,
    JsonOption,
    LimitOption,
    MinGpuMemoryOption,
    SessionStringOption,
    TokenOption,
    TrainerChoice,
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
            help="A model: a folder, an id, an alias or a version. Once for each, in the order in which they "
            "are used.",
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
    force: Annotated[
        bool, typer.Option("--force", help="Replace a file that lies where the predictions are to lie.")
    ] = False,
    trainer: Annotated[
        TrainerChoice | None,
        typer.Option(help="Engine to predict with; the one that trained the models without it."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Option of the inference, such as peak_threshold=0.3; one of batch_size, max_instances, "
            "peak_threshold, tracking, tracking_window_size.",
        ),
    ] = None,
    force_transport: Annotated[
        ForcedTransport | None,
        typer.Option(help="Send the data this way, or say why that cannot be; otherwise it is chosen."),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return once the data are uploaded.")] = False,
    limit: LimitOption = "",
    room_id: AnyRoomOption = "",
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
    """Predict poses on a remote GPU: bring data and models to a worker, have the predictions here.

    In a room with workers of this tool the data go through S3, and the models are those of the room.
    """
    from sleap_rtc.client.track_order import TrackOrder, read_track_options
    from sleap_rtc.client.tracking import TrackSession
    from sleap_rtc.client.train_order import place_of
    from sleap_rtc.client.transport_selector import Transport

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
        options=read_track_options(option or [], only_suggested_frames=only_suggested_frames),
        trainer=trainer.value if trainer else None,
        forced=Transport(force_transport.value) if force_transport else None,
        detach=detach,
        replace=force,
        registry=registry_path,
    )
    TrackSession(order, limit=limit, as_json=as_json).run()
