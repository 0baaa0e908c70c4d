"""Adapter: the commands of the GPU's side."""

from __future__ import annotations

from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


class TrainerChoice(StrEnum):
    """The training engines."""

    REFERENCE = "reference"
    SLEAP_NN = "sleap-nn"


@app.command()
def worker(
    room_id: Annotated[
        str,
        typer.Option("--room-id", "--room_id", "--room", "-r", help="Room to work in; without, a new one."),
    ] = "",
    token: Annotated[
        str,
        typer.Option("--token", "-t", help="The room's token, for a worker that is no member of it."),
    ] = "",
    trainer: Annotated[
        TrainerChoice, typer.Option(help="Engine for jobs that do not ask for one.")
    ] = TrainerChoice.REFERENCE,
    gpu: Annotated[
        str,
        typer.Option(
            help="Train on this GPU alone, by its number or UUID in nvidia-smi; the setting gpu without it.",
            metavar="INDEX|UUID",
        ),
    ] = "",
    working_dir: Annotated[
        Path | None,
        typer.Option("--working-dir", "--working_dir", "-w", help="Where folders for jobs are made."),
    ] = None,
    max_jobs: Annotated[int | None, typer.Option(help="Leave after so many jobs.", min=1)] = None,
    exit_when_idle: Annotated[
        float | None,
        typer.Option(help="Leave when there was nothing to do for so long.", min=1, metavar="SECONDS"),
    ] = None,
) -> None:
    """Take training jobs of a room until Ctrl-C, or until the shift is over.

    A member of the room takes its jobs, and serves clients of the existing tool beside them. Somebody with
    the room's token alone, or without any room, serves such clients only.
    """
    import logging
    import os

    from sleap_rtc.events.log_lines import log_event
    from sleap_rtc.events.log_table import COLLECTOR_AWAY
    from sleap_rtc.live.event_loop import run
    from sleap_rtc.observability.logs import configure_logs
    from sleap_rtc.observability.telemetry import Telemetry
    from sleap_rtc.settings import load_settings
    from sleap_rtc.storage.errors import InputError
    from sleap_rtc.storage.keys import checked_room_id
    from sleap_rtc.worker.legacy_wiring import enter, run_guest
    from sleap_rtc.worker.machine import have_gpu_alone
    from sleap_rtc.worker.shift import Shift
    from sleap_rtc.worker.wiring import measured, run_worker
    from sleap_rtc.worker.work_folder import work_folder

    settings = load_settings()
    configure_logs("worker", settings.environment)
    if gpu or settings.gpu:
        have_gpu_alone(gpu or settings.gpu)
    shift = Shift(max_jobs, exit_when_idle)
    room = checked_room_id(room_id) if room_id else ""
    if token and not room:
        raise InputError(message="A token is one of a certain room: give --room-id, too.")
    log = logging.getLogger(__name__)
    telemetry = Telemetry("worker", os.environ, lambda text: log_event(log, COLLECTOR_AWAY, reason=text))
    with work_folder(working_dir or settings.data_dir / "work") as work_dir, closing(telemetry):
        if room and not token:
            run(run_worker(settings, room, trainer.value, shift, work_dir, telemetry))
            return
        guest = enter(settings, room, token)
        if room or guest.is_anonymous:
            with measured(settings, telemetry):
                run(run_guest(settings, guest, trainer.value, shift, work_dir))
        else:
            run(run_worker(settings, guest.room_id, trainer.value, shift, work_dir, telemetry))
