"""Orchestration: the whole story on one machine, told through the commands that users type."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from sleap_rtc.events.jobs import Job, JobState
from sleap_rtc.events.span_keeper import GATHER_S
from sleap_rtc.events.trace import trace_id
from sleap_rtc.local.timeline import Hop, Step, hops, steps
from sleap_rtc.storage.checksum import crc_of_stream, to_text
from sleap_rtc.storage.errors import ExitCode
from sleap_rtc.storage.manifest import ManifestModel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import Console

    from sleap_rtc.local.stack import External


class Demo:
    """Tells the story in a folder.

    Args:
        folder: for the stack and the example package.
        console: where to print.
        trainer: the engine that the worker uses.
        external: engines to use instead of the embedded one.
    """

    def __init__(self, folder: Path, console: Console, trainer: str, external: External | None) -> None:
        self._folder = folder
        self._console = console
        self._trainer = trainer
        self._external = external

    def run(self) -> ExitCode:
        """Run it; OK only if the job was published and the bytes of every hop were verified."""
        from sleap_rtc.local.example_package import make_example_package
        from sleap_rtc.local.stack import LocalStack

        begun = time.monotonic()
        self._title("1. The stack: S3, SQS and SNS on loopback, the service, and one worker")
        with LocalStack(self._folder / "stack", self._external) as stack:
            environment = {**os.environ, **stack.client_environment}
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
                environment.pop(name, None)  # the client has no credentials of the store
            room_id = self._ask(environment, "rooms", "create", "Demo room", "--json")["room_id"]
            stack.worker(room_id, self._trainer)
            self._say(f"service {stack.service_url}   S3 {stack.s3_url}   queues {stack.engine_url}")
            self._say(f"room {room_id}   logs {self._folder / 'stack' / 'log'}")

            self._title("2. A SLEAP package with embedded frames, sent by client-train")
            package = self._folder / "example.zip"
            made = make_example_package(package)
            self._say(f"{package.name}: {made.frames} frames, {made.size_bytes:,} bytes")
            # However small the package is: the story is about its way through the cloud side.
            command = ["client-train", "--pkg-path", str(package), "--room-id", room_id]
            command += ["--force-transport", "s3"]
            # Without keys it prints lines, which stay on the screen.
            status = subprocess.run(
                _command(*command), env=environment, check=False, stdin=subprocess.DEVNULL
            ).returncode
            pulled_at = datetime.now(UTC)
            if status != ExitCode.OK:
                return ExitCode(status) if status in set(ExitCode) else ExitCode.UNEXPECTED

            found = TypeAdapter(list[Job]).validate_python(
                self._ask(environment, "jobs", "ls", "-r", room_id, "--json")
            )
            models = TypeAdapter(list[ManifestModel]).validate_python(
                self._ask(environment, "models", "ls", "-r", room_id, "--json")
            )
            trace = self._trace(environment, room_id, found[-1].job_id)
        return self._conclude(found[-1], models, package, pulled_at, time.monotonic() - begun, trace)

    def _conclude(
        self,
        job: Job,
        models: list[ManifestModel],
        package: Path,
        pulled_at: datetime,
        took_s: float,
        trace: str,
    ) -> ExitCode:
        model = next((model for model in models if model.id == job.model_id), None)
        if job.state is not JobState.PUBLISHED or model is None:
            self._say("[red]The job did not end with a published model.[/red]")
            return ExitCode.JOB_FAILED
        folder = _local_folder(model.id)
        pulled = {path.name: _checksum(path) for path in folder.iterdir() if path.is_file()}
        self._show_steps(job, steps(job, pulled_at))
        self._console.print(trace, markup=False, highlight=False)
        way = hops(job, model, _checksum(package), pulled)
        self._show_hops(way)
        metrics = model.training.metrics
        if "val_error_px" in metrics:
            self._say(
                f"The {model.training.trainer} brought the loss from {metrics.get('first_loss', 0):.3f} to "
                f"{metrics['final_loss']:.3f}; its error is {metrics['val_error_px']:.2f} px."
            )
        self._say(f"Model {model.id} lies in [bold]{folder}[/bold]")
        if not all(hop.verified for hop in way):
            self._say("[red]Not every hop was verified.[/red]")
            return ExitCode.INTEGRITY
        self._say(f"[green]Every hop was verified.[/green] {took_s:.1f} s in all.")
        return ExitCode.OK

    def _show_steps(self, job: Job, found: list[Step]) -> None:
        from rich.table import Table

        self._title(f"3. What happened   trace {trace_id(job.traceparent)}")
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("STEP", "TOOK", "WHAT", "EVENT"):
            table.add_column(name, justify="right" if name == "TOOK" else "left", overflow="fold")
        for step in found:
            table.add_row(step.name, f"{step.took_s:.2f} s", step.what, step.event)
        self._console.print(table)

    def _show_hops(self, way: list[Hop]) -> None:
        from rich.table import Table

        self._title("4. The bytes of every hop")
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("HOP", "CHECKSUM", ""):
            table.add_column(name, overflow="fold")
        for hop in way:
            table.add_row(hop.name, hop.received, "verified" if hop.verified else "[red]NOT VERIFIED[/red]")
        self._console.print(table)

    @staticmethod
    def _trace(environment: Mapping[str, str], room_id: str, job_id: str) -> str:
        time.sleep(GATHER_S + 0.5)  # the service keeps its last spans once it has gathered them
        command = _command("jobs", "show", job_id, "-r", room_id, "--trace")
        return subprocess.run(
            command, env=environment, check=True, stdout=subprocess.PIPE, encoding="utf-8"
        ).stdout

    def _ask(self, environment: Mapping[str, str], *arguments: str) -> Any:
        import json

        done = subprocess.run(
            _command(*arguments), env=environment, check=True, stdout=subprocess.PIPE, encoding="utf-8"
        )
        return json.loads(done.stdout)

    def _title(self, text: str) -> None:
        self._console.print(f"\n[bold cyan]{text}[/bold cyan]")

    def _say(self, text: str) -> None:
        self._console.print(text)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sleap_rtc.client", *arguments]


def _checksum(path: Path) -> str:
    with path.open("rb") as stream:
        return to_text(crc_of_stream(stream)[0])


def _local_folder(model_id: str) -> Path:
    from pathlib import Path

    from sleap_rtc.client.wiring import registry
    from sleap_rtc.settings import load_settings

    entry = registry(load_settings()).get(model_id) or {}
    return Path(str(entry["local_path"]))
