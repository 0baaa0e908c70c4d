"""Adapter: `sleap-rtc jobs attach`, and the commands to the worker that is at a job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sleap_rtc.client.cli.options import JobArgument, JsonOption, RoomOption

if TYPE_CHECKING:
    from sleap_rtc.client.live_job import LiveJob
    from sleap_rtc.events.job_commands import Command, CommandAnswer

app = typer.Typer(add_completion=False)


@app.command()
def attach(
    job: JobArgument,
    room_id: RoomOption,
    plain: Annotated[bool, typer.Option("--plain", help="Print lines on a terminal, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Watch a job live until it ends, with keys for commands; on a pipe, in lines. Ctrl-C leaves it."""
    from sleap_rtc.client import live_lines, live_view
    from sleap_rtc.client.display import console
    from sleap_rtc.client.job_errors import check_end
    from sleap_rtc.client.job_words import attach_again

    live = _live_job(room_id, job)
    try:
        if live_view.has_whole_terminal() and not plain and not as_json:
            ended = live_view.watch_on_terminal(live)
        else:
            ended = live_lines.watch_in_lines(live, as_json=as_json)
    except KeyboardInterrupt:
        if not as_json:
            console.print(attach_again(live.room_id, live.job_id), markup=False)
        raise
    if ended is None:
        console.print(attach_again(live.room_id, live.job_id), markup=False)
    else:
        check_end(ended)


@app.command()
def pause(job: JobArgument, room_id: RoomOption, as_json: JsonOption = False) -> None:
    """Hold the training, or the transfer of the dataset or the model, until `jobs resume`."""
    from sleap_rtc.events.job_commands import Pause

    _command(room_id, job, Pause(), as_json=as_json)


@app.command()
def resume(job: JobArgument, room_id: RoomOption, as_json: JsonOption = False) -> None:
    """Let a job go on that was paused."""
    from sleap_rtc.events.job_commands import Resume

    _command(room_id, job, Resume(), as_json=as_json)


@app.command()
def stop(job: JobArgument, room_id: RoomOption, as_json: JsonOption = False) -> None:
    """End the training, without asking; what it has learnt is published as a partial model."""
    from sleap_rtc.events.job_commands import Stop

    _command(room_id, job, Stop(), as_json=as_json)


@app.command("set-lr")
def set_learning_rate(
    job: JobArgument,
    value: Annotated[float, typer.Argument(metavar="VALUE", help="The learning rate, such as 1e-4.")],
    room_id: RoomOption,
    as_json: JsonOption = False,
) -> None:
    """Train with another learning rate from the next batch on."""
    from pydantic import ValidationError

    from sleap_rtc.events.job_commands import SetLearningRate
    from sleap_rtc.storage.errors import InputError

    try:
        command = SetLearningRate(value=value)
    except ValidationError:
        raise InputError(
            message=f"A learning rate is a number above 0 and up to 1000; not {value}."
        ) from None
    _command(room_id, job, command, as_json=as_json)


@app.command()
def sample(
    job: JobArgument,
    room_id: RoomOption,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write instead of one in this folder.")
    ] = None,
    frame: Annotated[
        int | None, typer.Option(min=0, help="Which frame; the trainer's choice without it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Have the trainer draw what the model predicts on a frame, and save the picture (PNG)."""
    from sleap_rtc.client.display import console
    from sleap_rtc.client.job_files import save_file
    from sleap_rtc.events.job_commands import Sample

    with _live_job(room_id, job, events=False) as live:
        answer = _answer(live, Sample(frame=frame), as_json=as_json)
        for name in answer.files:
            content = live.fetch(name)
            path = save_file(output or Path(name), content)
            if not as_json:
                console.print(str(path), markup=False)


@app.command()
def transfer(job: JobArgument, room_id: RoomOption, as_json: JsonOption = False) -> None:
    """Say how far the transfer of the dataset to the worker is, or that of the model to the room."""
    from sleap_rtc.events.job_commands import TellTransfer

    _command(room_id, job, TellTransfer(), as_json=as_json)


@app.command("cancel-transfer")
def cancel_transfer(job: JobArgument, room_id: RoomOption, as_json: JsonOption = False) -> None:
    """Give the transfer up, without asking, which ends the job."""
    from sleap_rtc.events.job_commands import CancelTransfer

    _command(room_id, job, CancelTransfer(), as_json=as_json)


def _live_job(room_id: str, job: str, *, events: bool = True) -> LiveJob:
    from sleap_rtc.client import wiring
    from sleap_rtc.client.job_names import job_named
    from sleap_rtc.settings import load_settings
    from sleap_rtc.storage.keys import checked_room_id

    settings = load_settings()
    service = wiring.service_client(settings)
    job_id = job_named(service, checked_room_id(room_id), job)
    service.job(room_id, job_id)
    return wiring.live_job(settings, service, room_id, job_id, events=events)


def _command(room_id: str, job: str, command: Command, *, as_json: bool) -> None:
    with _live_job(room_id, job, events=False) as live:
        _answer(live, command, as_json=as_json)


def _answer(live: LiveJob, command: Command, *, as_json: bool) -> CommandAnswer:
    """Give a command and print its answer. Raises CommandRefused where that is a refusal."""
    from sleap_rtc.client.display import console, print_json
    from sleap_rtc.client.job_errors import CommandRefused
    from sleap_rtc.client.live_view import logs_aside

    with logs_aside():
        answer = live.ask(command)
    if answer.outcome == "refused":
        raise CommandRefused(why=answer.text)
    if as_json:
        print_json(answer)
    else:
        console.print(answer.text, markup=False)
    return answer
