"""Adapter: `sleap-rtc jobs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sleap_rtc.client.cli import job_live
from sleap_rtc.client.cli.options import JobArgument, JsonOption, RoomOption

if TYPE_CHECKING:
    from sleap_rtc.client.service_client import ServiceClient

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Training jobs of a room.")
app.add_typer(job_live.app)
FollowOption = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on until the job ends. Ctrl-C does not end the job.")
]
_NEWEST, _MOST = 50, 1000


def _service(room_id: str) -> ServiceClient:
    from sleap_rtc.client.wiring import service_client
    from sleap_rtc.storage.keys import checked_room_id

    checked_room_id(room_id)
    return service_client()


@app.command("ls")
def list_jobs(
    room_id: RoomOption,
    every: Annotated[bool, typer.Option("--all", help="Not the newest 50 only (1,000 at most).")] = False,
    only_open: Annotated[bool, typer.Option("--open", help="Only jobs that have not ended.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the room's newest 50 jobs, the newest last, and what those that wait are waiting for."""
    from datetime import UTC, datetime

    from sleap_rtc.client.display import console, print_json
    from sleap_rtc.client.job_display import jobs_table

    most = _MOST if every else _NEWEST
    jobs = _service(room_id).jobs(room_id, most, only_open=only_open)
    if as_json:
        print_json(jobs)
    elif not jobs:
        unended = "No job of this room is open. `sleap-rtc jobs ls` lists those that have ended."
        console.print(unended if only_open else "No jobs in this room. `sleap-rtc client-train` submits one.")
    else:
        console.print(jobs_table(jobs, datetime.now(UTC)))
        if len(jobs) == most and not every:
            console.print(f"These are the newest {most}; --all lists more.", style="dim")


@app.command()
def show(
    job: JobArgument,
    room_id: RoomOption,
    trace: Annotated[
        bool, typer.Option("--trace", help="Show how long each step took, and what led to it, instead.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a job: what it waits for, who has it, why it ended, and every step with its cause."""
    from datetime import UTC, datetime

    from sleap_rtc.client.display import print_json
    from sleap_rtc.client.job_display import print_job
    from sleap_rtc.client.job_names import job_named

    service = _service(room_id)
    found = service.job(room_id, job_named(service, room_id, job))
    if trace:
        from sleap_rtc.client.trace_display import print_trace, print_trace_json
        from sleap_rtc.client.waterfall import waterfall

        shown = waterfall(found, service.job_trace(room_id, found.job_id).spans)
        (print_trace_json if as_json else print_trace)(found, shown)
    elif as_json:
        print_json(found)
    else:
        print_job(found, datetime.now(UTC))


@app.command()
def watch(room_id: RoomOption, as_json: JsonOption = False) -> None:
    """Watch the room's open jobs until Ctrl-C: a table on a terminal, a line for each change on a pipe."""
    from contextlib import nullcontext

    from sleap_rtc.client import room_watch
    from sleap_rtc.client.display import console
    from sleap_rtc.client.job_display import JobJsonLines, JobLines, LiveJobs

    service = _service(room_id)
    try:
        if as_json:
            room_watch.watch(service, room_id, JobJsonLines())
        live = LiveJobs(room_id) if console.is_terminal else nullcontext(JobLines())
        with live as watcher:
            room_watch.watch(service, room_id, watcher)
    except KeyboardInterrupt:
        if not as_json:
            console.print(f"The jobs go on. `sleap-rtc jobs watch -r {room_id}` watches them again.")
        raise


@app.command()
def logs(
    job: JobArgument, room_id: RoomOption, follow: FollowOption = False, as_json: JsonOption = False
) -> None:
    """Print a job's log, during the job, after its end and after cancel; several people may follow it."""
    from sleap_rtc.client.display import JsonWatcher, TextWatcher
    from sleap_rtc.client.follow import LogTail
    from sleap_rtc.client.job_names import job_named

    service = _service(room_id)
    job_id = job_named(service, room_id, job)
    service.job(room_id, job_id)
    if follow:
        _follow(service, room_id, job_id, as_json=as_json)
    else:
        LogTail(service, room_id, job_id, JsonWatcher() if as_json else TextWatcher()).catch_up()


@app.command()
def results(
    job: JobArgument,
    room_id: RoomOption,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to put them in instead of this one.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace other files of the same names.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring the predictions of an inference here, verified; on any machine, as often as you like."""
    from contextlib import nullcontext

    from sleap_rtc.client.asking import may_be_replaced
    from sleap_rtc.client.display import console, print_json, transfer_bar
    from sleap_rtc.client.job_names import job_named
    from sleap_rtc.client.job_results import bring_results
    from sleap_rtc.client.own_usage import tell_usage
    from sleap_rtc.client.wiring import traffic
    from sleap_rtc.settings import load_settings
    from sleap_rtc.storage.progress import no_progress

    folder = (output or Path()).absolute()
    service = _service(room_id)
    job_id = job_named(service, room_id, job)
    with nullcontext(no_progress) if as_json else transfer_bar("Bringing the predictions") as bar:
        brought = bring_results(
            service,
            room_id,
            job_id,
            lambda names: [folder / name for name in names],
            lambda path: force or may_be_replaced(path, ask=not as_json),
            bar,
            traffic(load_settings()),
        )
    tell_usage(service, room_id, job_id)
    if as_json:
        print_json(brought)
    for result in () if as_json else brought:
        console.print(f"The predictions are here, verified: {result.path}", markup=False)


@app.command()
def cancel(job: JobArgument, room_id: RoomOption, as_json: JsonOption = False) -> None:
    """End a job that has not ended, without asking; a worker that is at it stops within seconds."""
    from sleap_rtc.client.display import console, print_json
    from sleap_rtc.client.job_names import job_named
    from sleap_rtc.client.job_words import last_worker
    from sleap_rtc.events.jobs import JobState

    service = _service(room_id)
    job_id = job_named(service, room_id, job)
    before = service.job(room_id, job_id)
    ended = service.cancel_job(room_id, job_id)
    if as_json:
        print_json(ended)
        return
    if before.state is JobState.CANCELLED:
        text = f"Job {job_id} was cancelled already, by {ended.history[-1].by}."
    elif worker := last_worker(ended):
        text = f"Job {job_id} is cancelled. Worker {worker} was at it and stops within seconds."
    else:
        text = f"Job {job_id} is cancelled. No worker was at it."
    console.print(text, markup=False)


@app.command()
def retry(
    job: JobArgument, room_id: RoomOption, follow: FollowOption = False, as_json: JsonOption = False
) -> None:
    """Do once more, as a new job, what one that failed or was cancelled was to do."""
    import secrets

    from sleap_rtc.client.display import JsonWatcher, console, print_json
    from sleap_rtc.client.job_names import job_named
    from sleap_rtc.events.api import RetryJob

    service = _service(room_id)
    job_id = job_named(service, room_id, job)
    fresh = service.retry_job(room_id, job_id, RetryJob(submission_id=secrets.token_hex(16)))
    if as_json and follow:
        JsonWatcher().tell("job", **fresh.model_dump(mode="json"))
    elif as_json:
        print_json(fresh)
    else:
        console.print(f"Job [bold]{fresh.job_id}[/bold] does again what {job_id} was to do.")
    if follow:
        _follow(service, room_id, fresh.job_id, as_json=as_json)
    elif not as_json:
        console.print(f"`sleap-rtc jobs logs -f {fresh.job_id} -r {room_id}` follows it.", markup=False)


def _follow(service: ServiceClient, room_id: str, job_id: str, *, as_json: bool) -> None:
    """Follow a job to its end, and end as it did."""
    from sleap_rtc.client import follow as following
    from sleap_rtc.client.display import JsonWatcher, TextWatcher, console
    from sleap_rtc.client.job_errors import check_end
    from sleap_rtc.client.job_words import goes_on

    try:
        job = following.follow(service, room_id, job_id, JsonWatcher() if as_json else TextWatcher())
    except KeyboardInterrupt:
        if not as_json:
            console.print(goes_on(room_id, job_id), markup=False)
        raise
    check_end(job)
