"""Adapter: `sleap-rtc client-train`, with the options of the existing tool in both spellings."""

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
def client_train(
    context: typer.Context,
    pkg_path: Annotated[
        Path,
        typer.Option(
            "--pkg-path", "--pkg_path", "-p", help="The training package (.zip), or labels (.pkg.slp)."
        ),
    ],
    room_id: AnyRoomOption = "",
    session_string: SessionStringOption = "",
    token: TokenOption = "",
    worker_id: WorkerIdOption = "",
    auto_select: AutoSelectOption = False,
    min_gpu_memory: MinGpuMemoryOption = None,
    trainer: Annotated[
        TrainerChoice | None, typer.Option(help="Engine to train with; the worker's choice without it.")
    ] = None,
    config: Annotated[
        list[Path] | None,
        typer.Option(help="With labels: the configuration of a model (.yaml); once for each model."),
    ] = None,
    override: Annotated[
        list[str] | None,
        typer.Option("--set", help="Trainer option, such as trainer_config.max_epochs=5."),
    ] = None,
    force_transport: Annotated[
        ForcedTransport | None,
        typer.Option(help="Send the dataset this way, or say why that cannot be; otherwise it is chosen."),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return once the dataset is uploaded.")] = False,
    limit: LimitOption = "",
    controller_port: Annotated[
        int | None,
        typer.Option(
            "--controller-port",
            "--controller_port",
            help="Take commands from the training monitor of a SLEAP on this machine at this ZMQ port (its "
            "own is 9000), and show it the progress.",
            min=1,
            max=65_535,
        ),
    ] = None,
    publish_port: Annotated[
        int | None,
        typer.Option(
            "--publish-port",
            "--publish_port",
            help="Show the progress to the training monitor at this ZMQ port (its own is 9001).",
            min=1,
            max=65_535,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train on a remote GPU: bring the package to a worker, follow the job, have the model here.

    Small packages go straight to a worker that is free, large ones through S3; which way, and why, is said.
    After a cut, run the same command again: an upload to S3 goes on where it was.
    """
    from sleap_rtc.client import training
    from sleap_rtc.client.gui_bridge import DEFAULT_CONTROLLER_PORT, DEFAULT_PUBLISH_PORT
    from sleap_rtc.client.labels_package import package_of
    from sleap_rtc.client.train_order import GuiPorts, TrainOrder, place_of
    from sleap_rtc.client.transport_selector import Transport
    from sleap_rtc.events.jobs import JobRequest
    from sleap_rtc.settings import load_settings

    place = place_of(
        session_string,
        room_id,
        token,
        worker_id,
        auto_select=auto_select,
        min_gpu_memory_mb=min_gpu_memory,
        room_by_option=named_by_option(context, "room_id"),
    )
    gui = None
    if controller_port or publish_port:
        gui = GuiPorts(controller_port or DEFAULT_CONTROLLER_PORT, publish_port or DEFAULT_PUBLISH_PORT)
    order = TrainOrder(
        package=package_of(pkg_path, config or [], load_settings().data_dir / "packages"),
        request=JobRequest(trainer=trainer.value if trainer else None, overrides=_overrides(override or [])),
        place=place,
        forced=Transport(force_transport.value) if force_transport else None,
        gui=gui,
        detach=detach,
    )
    training.TrainSession(order, limit=limit, as_json=as_json).run()


def _overrides(texts: list[str]) -> dict[str, str]:
    from sleap_rtc.storage.errors import InputError

    pairs = [text.partition("=") for text in texts]
    wrong = [name for name, sign, _ in pairs if not sign or not name.replace(".", "_").isidentifier()]
    if wrong:
        raise InputError(
            message=f"--set takes name=value, such as trainer_config.max_epochs=5; not {wrong[0]!r}."
        )
    return {name: value for name, _, value in pairs}
