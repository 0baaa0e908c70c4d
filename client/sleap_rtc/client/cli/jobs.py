"""Adapter: `sleap-rtc jobs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sleap_rtc.client.cli.options import JsonOption, RoomOption

if TYPE_CHECKING:
    from sleap_rtc.events.jobs import Job

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Training jobs of a room.")
JobArgument = Annotated[str, typer.Argument(help="`sleap-rtc jobs ls`.")]


@app.command("ls")
def list_jobs(room_id: RoomOption, as_json: JsonOption = False) -> None:
    """List the room's jobs."""
    from sleap_rtc.client.display import print_json, print_table
    from sleap_rtc.client.wiring import service_client

    jobs = service_client().jobs(room_id)
    if as_json:
        print_json(jobs)
        return
    print_table(
        "",
        ("JOB", "STATE", "SINCE", "ATTEMPT", "DATASET", "MODEL"),
        (
            (
                job.job_id,
                str(job.state),
                f"{job.since():%Y-%m-%d %H:%M:%S}",
                str(job.attempt),
                job.dataset.file_name,
                job.model_id or "",
            )
            for job in jobs
        ),
        "No jobs in this room. `sleap-rtc client-train` submits one.",
    )


@app.command()
def show(job_id: JobArgument, room_id: RoomOption, as_json: JsonOption = False) -> None:
    """Show a job with its history: every step, when, by whom, and the event that caused it."""
    from sleap_rtc.client.display import print_json
    from sleap_rtc.client.wiring import service_client

    job = service_client().job(room_id, job_id)
    if as_json:
        print_json(job)
    else:
        _print(job)


def _print(job: Job) -> None:
    from sleap_rtc.client.display import console, human_bytes, print_table
    from sleap_rtc.events.trace import trace_id

    console.print(f"Job [bold]{job.job_id}[/bold]: [bold]{job.state}[/bold]")
    console.print(
        f"dataset  {job.dataset.file_name}, {human_bytes(job.dataset.size_bytes)}, {job.dataset.checksum}"
    )
    console.print(f"trace    {trace_id(job.traceparent) or 'none'}")
    if job.model_id:
        console.print(f"model    {job.model_id} ({job.model_type})")
    if job.failure:
        console.print(f"failed   {job.failure.code}: {job.failure.message}", style="red", markup=False)
    print_table(
        "",
        ("TIME", "STATE", "ATTEMPT", "FENCING", "BY", "EVENT"),
        (
            (
                f"{edge.at:%H:%M:%S.%f}"[:-3],
                str(edge.state),
                str(edge.attempt),
                str(edge.fencing),
                edge.by,
                edge.cause,
            )
            for edge in job.history
        ),
        "",
    )


@app.command()
def logs(
    job_id: JobArgument,
    room_id: RoomOption,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
) -> None:
    """Print a job's log, during the job and after it."""
    from sleap_rtc.client import follow as following
    from sleap_rtc.client.display import TextWatcher, console
    from sleap_rtc.client.wiring import service_client

    service = service_client()
    watcher = TextWatcher()
    if not follow:
        service.job(room_id, job_id)
        following.LogTail(service, room_id, job_id, watcher).catch_up()
        return
    try:
        following.follow(service, room_id, job_id, watcher)
    except KeyboardInterrupt:
        console.print(f"The job goes on. `sleap-rtc jobs logs -f {job_id} -r {room_id}` follows it again.")
        raise
