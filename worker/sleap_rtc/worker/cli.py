"""Adapter: the commands of the GPU's side."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


class TrainerChoice(StrEnum):
    """The training engines."""

    REFERENCE = "reference"
    SLEAP_NN = "sleap-nn"


@app.command()
def worker(
    room_id: Annotated[str, typer.Option("--room-id", "--room_id", "-r", help="Room whose jobs to take.")],
    trainer: Annotated[
        TrainerChoice, typer.Option(help="Engine for jobs that do not ask for one.")
    ] = TrainerChoice.REFERENCE,
    max_jobs: Annotated[int | None, typer.Option(help="Leave after so many jobs.", min=1)] = None,
    exit_when_idle: Annotated[
        float | None,
        typer.Option(help="Leave when there was nothing to do for so long.", min=1, metavar="SECONDS"),
    ] = None,
) -> None:
    """Take training jobs of a room until Ctrl-C, or until the shift is over."""
    import asyncio

    from sleap_rtc.observability.logs import configure_logs
    from sleap_rtc.settings import load_settings
    from sleap_rtc.storage.keys import checked_room_id
    from sleap_rtc.worker.shift import Shift
    from sleap_rtc.worker.wiring import run_worker

    settings = load_settings()
    configure_logs("worker", settings.environment)
    shift = Shift(max_jobs, exit_when_idle)
    asyncio.run(run_worker(settings, checked_room_id(room_id), trainer.value, shift))
