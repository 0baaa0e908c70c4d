"""The whole product as its users run it: the local stack, and commands as processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.local.stack import External, LocalStack
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.local.child import Child

WITHIN_S = 60.0


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line of standard error. Fails where there is a traceback or more than a line."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        return lines[0]

    def json(self) -> Any:
        """Return standard output as JSON."""
        assert self.status == 0, self.err
        return json.loads(self.out)

    def json_lines(self) -> list[dict[str, Any]]:
        """Return standard output as JSON lines."""
        assert self.status == 0, self.err
        return [json.loads(line) for line in self.out.splitlines()]


class Product:
    """A local stack in a folder, and a user's home beside it."""

    def __init__(self, folder: Path, external: External | None = None, *, job_lease_s: int = 4) -> None:
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        self.stack = LocalStack(folder / "stack", external, job_lease_s=job_lease_s)

    @property
    def client_environment(self) -> dict[str, str]:
        """A client's environment: no credentials of the store."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLEAP_"))}
        home = {"HOME": str(self.home), "USERPROFILE": str(self.home)}
        # However small the packages are: what is looked at are their jobs in the room.
        through_s3 = {"SLEAP_RTC_LARGE_FILE_THRESHOLD": "0"}
        return {**mine, **home, **self.stack.client_environment, **through_s3}

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "sleap_rtc.client", *arguments],
            env={**self.client_environment, **environment},
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, *arguments: str, **environment: str) -> Said:
        """Run a command to its end."""
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=240)
        return Said(process.returncode, out, err)

    @property
    def service(self) -> ServiceClient:
        """The service, asked from within this process: a command takes most of a second to start."""
        return ServiceClient(self.stack.service_url, self.stack.client_environment["SLEAP_RTC_TOKEN"])

    def new_room(self) -> str:
        """Open a room and return its id."""
        return self.service.create_room("Test room").room_id

    def worker(self, room_id: str, name: str = "worker", **environment: str) -> Child:
        """Start a worker for a room."""
        return self.stack.worker(room_id, name=f"{name}-{room_id}", **environment)

    def job(self, room_id: str) -> dict[str, Any]:
        """Return the room's only job."""
        (job,) = self.service.jobs(room_id)
        return job.model_dump(mode="json")

    def wait_for_job(self, room_id: str, *states: str) -> dict[str, Any]:
        """Wait until the room's only job is in one of these states."""
        service = self.service
        eventually(lambda: any(job.state in states for job in service.jobs(room_id)))
        return self.job(room_id)

    def objects(self, bucket: str) -> S3ObjectStore:
        """Return one of the product's buckets, to look at or to tamper with."""
        return S3ObjectStore(s3_client("us-east-1", self.stack.s3_url), bucket)


def eventually(true: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    """Wait for something that another process does; fail if it takes far too long."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def kill_9(process: subprocess.Popen[str]) -> None:
    """End a process without giving it a chance to tidy up."""
    process.send_signal(signal.SIGKILL)
    process.communicate()
