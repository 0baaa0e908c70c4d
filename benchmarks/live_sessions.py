"""Orchestration: sessions with programs that answer one over their standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sleap_rtc.live.control import Control
from sleap_rtc.live.file_reader import FileReader
from sleap_rtc.live.file_requests import What
from sleap_rtc.live.job_attachment import JobAttachment
from sleap_rtc.live.peer_session import PeerSession
from sleap_rtc.storage.part_plan import MIB

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PROGRAMS = Path(__file__).parent / "programs"
JOB = "01KAZ3CJ9C0000000000000000"
_FILE = What(job_id=JOB, file="sample.png")


@asynccontextmanager
async def session_with(program: str, *arguments: str) -> AsyncIterator[tuple[PeerSession, Process]]:
    """Yield a session with a program, which is killed at the end, and the program."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAMS / program),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=MIB,
        env={**os.environ, "PYTHONPATH": str(PROGRAMS.parent)},
    )
    asked = Process(process)
    try:
        session, offer = await PeerSession.offering("benchmark", "peer")
        await session.answered(await asked.ask(offer))
        await session.opened()
        yield session, asked
        await session.close()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class Process:
    """A program that answers a line with a line, both JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, what: Any) -> Any:
        """Say something and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        return json.loads(await self._process.stdout.readline())


@dataclass(frozen=True)
class AtJob:
    """A session with `live_worker.py` and what a watcher has of its job."""

    session: PeerSession
    process: Process
    job: JobAttachment
    files: FileReader

    async def read(self, size_bytes: int) -> None:
        """Read so much of the job's file, asking ahead as the product does."""
        async with asyncio.TaskGroup() as reading:
            for offset in range(0, size_bytes, MIB):
                length = min(MIB, size_bytes - offset)
                reading.create_task(self.files.read(_FILE, offset, length, size_bytes))


@asynccontextmanager
async def at_job(file: Path, *arguments: str) -> AsyncIterator[AtJob]:
    """Watch the job of a worker that reads out a file."""
    async with session_with("live_worker.py", str(file), *arguments) as (session, process):
        control = Control(session)
        at = AtJob(session, process, JobAttachment(session, control, JOB), FileReader(session))
        control.listen()
        await at.job.attach()
        yield at
