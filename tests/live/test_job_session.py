"""Watching and commanding a job over a session between two real peers."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from support.loop import in_loop, until
from support.peers import joined

from sleap_rtc.events.job_commands import Command, CommandAnswer, Pause, Stop
from sleap_rtc.events.job_progress import (
    BatchEnded,
    EpochEnded,
    LineLogged,
    RunEnded,
    StepTaken,
    Told,
    must_arrive,
)
from sleap_rtc.live.control import MOST_REFUSALS, Control
from sleap_rtc.live.errors import PeerLost, ReadRefused, TalkRefused
from sleap_rtc.live.file_reader import FileReader
from sleap_rtc.live.file_requests import What
from sleap_rtc.live.file_sender import FileSender
from sleap_rtc.live.job_attachment import JobAttachment
from sleap_rtc.live.job_board import JobBoard, JobRun
from sleap_rtc.live.job_host import MOST_COMMANDS, JobFiles, JobHost
from sleap_rtc.live.memory_signaling import MemoryExchange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sleap_rtc.live.peer_session import PeerSession
    from sleap_rtc.live.sessions import Sessions

JOB = "01KAZ3CJ9C0000000000000000"
OTHER = "01KAZ3CJ9C0000000000000009"
COMMAND = "01KAZ3CJ9C0000000000000001"


@dataclass
class Worker:
    """Is at a job, and obeys everything once it may."""

    board: JobBoard = field(default_factory=JobBoard)
    obeyed: list[tuple[str, str, str]] = field(default_factory=list)
    may: threading.Event = field(default_factory=threading.Event)
    sessions: list[PeerSession] = field(default_factory=list)
    sample: Path | None = None

    def __post_init__(self) -> None:
        self.may.set()
        self.run = self.at(JOB, 1)

    def at(self, job_id: str, number: int) -> JobRun:
        run = JobRun(job_id, number, self.obey, lambda name: self.sample if name == "sample.png" else None)
        self.board.put(run)
        return run

    def obey(self, command: Command, command_id: str, by: str) -> CommandAnswer:
        assert self.may.wait(30)
        self.obeyed.append((command.name, command_id, by))
        return CommandAnswer(outcome="done", text=f"{command.name} it is")

    async def welcome(self, session: PeerSession) -> None:
        self.sessions.append(session)
        control = Control(session)
        host = JobHost(session, control, self.board)
        try:
            await FileSender(session, JobFiles(self.board, None), control=control).run()
        finally:
            host.close()


@dataclass
class Watching:
    """A session with the worker, and what came over it."""

    session: PeerSession
    job: JobAttachment
    came: list[Told]

    @property
    def numbers(self) -> list[int]:
        return [told.seq for told in self.came if must_arrive(told.event)]


@asynccontextmanager
async def watching(guest: Sessions, job_id: str = JOB) -> AsyncIterator[Watching]:
    session = await guest.call("worker")
    control = Control(session)
    job = JobAttachment(session, control, job_id)
    control.listen()
    came: list[Told] = []

    async def collect() -> None:
        while True:
            came.append(await job.next())

    collecting = asyncio.create_task(collect())
    try:
        yield Watching(session, job, came)
    finally:
        await session.close()
        await asyncio.gather(collecting, return_exceptions=True)


@asynccontextmanager
async def room() -> AsyncIterator[tuple[Worker, Sessions]]:
    """Yield a worker and a guest of one room."""
    exchange = MemoryExchange()
    worker = Worker()
    host = joined(exchange, "worker", welcome=worker.welcome)
    async with host, joined(exchange, "ada") as guest:
        yield worker, guest


@in_loop
async def test_whoever_comes_late_is_told_what_was_and_what_comes() -> None:
    async with room() as (worker, guest):
        worker.run.tell(StepTaken(state="training"))
        worker.run.tell(BatchEnded(epoch=0, batch=1))
        worker.run.tell(BatchEnded(epoch=0, batch=2))
        async with watching(guest) as ada:
            attached = await ada.job.attach()
            assert (attached.run, attached.newest, attached.missed) == (1, 3, False)
            worker.run.tell(EpochEnded(epoch=0, logs={"val/loss": 0.5}))
            await until(lambda: len(ada.numbers) == 2)
            worker.run.tell(RunEnded(state="published"))
            await until(lambda: len(ada.numbers) == 3)
            assert ada.numbers == [1, 4, 5]
            assert [each.event.batch for each in ada.came if isinstance(each.event, BatchEnded)] in ([2], [])


@in_loop
async def test_after_a_cut_nothing_is_missing_and_nothing_comes_twice() -> None:
    async with room() as (worker, guest):
        seen: list[int] = []
        for _ in range(3):
            for line in range(200):
                worker.run.tell(LineLogged(text=f"line {line}"))
            async with watching(guest) as ada:
                await ada.job.attach(1, seen[-1] if seen else 0)
                await until(lambda ada=ada: len(ada.came) >= 20)  # type: ignore[misc]
                await worker.sessions[-1].close("the test cuts it")
                await ada.session.wait_ended()
                seen += ada.numbers
        async with watching(guest) as ada:
            await ada.job.attach(1, seen[-1])
            await until(lambda: seen[-1] + len(ada.numbers) == 600)
            assert seen + ada.numbers == list(range(1, 601))


@in_loop
async def test_events_of_an_earlier_run_are_not_taken_for_those_of_this_one() -> None:
    async with room() as (worker, guest):
        again = worker.at(JOB, 2)
        again.tell(StepTaken(state="downloading"))
        async with watching(guest) as ada:
            assert (await ada.job.attach(run=1, after=100)).run == 2
            await until(lambda: ada.numbers == [1])


@in_loop
async def test_a_flood_of_lines_arrives_whole() -> None:
    async with room() as (worker, guest), watching(guest) as ada:
        await ada.job.attach()
        for line in range(2000):
            worker.run.tell(LineLogged(text=f"{line}" * 100))
        await until(lambda: len(ada.numbers) == 2000)


@in_loop
async def test_a_command_is_answered_and_says_who_gave_it() -> None:
    async with room() as (worker, guest), watching(guest) as ada:
        answer = await ada.job.command(Pause(), COMMAND)
        assert (answer.outcome, answer.text) == ("done", "pause it is")
        assert worker.obeyed == [("pause", COMMAND, "ada")]


@in_loop
async def test_a_command_that_takes_its_time_keeps_nothing_else_waiting() -> None:
    async with room() as (worker, guest), watching(guest) as ada:
        worker.may.clear()
        stopping = asyncio.create_task(ada.job.command(Stop(), COMMAND))
        await ada.job.attach()
        worker.run.tell(LineLogged(text="still here"))
        await until(lambda: ada.numbers == [1])
        assert not stopping.done()
        worker.may.set()
        assert (await stopping).text == "stop it is"


@in_loop
async def test_commands_do_not_pile_up() -> None:
    async with room() as (worker, guest), watching(guest) as ada:
        worker.may.clear()
        given = [asyncio.create_task(ada.job.command(Pause(), COMMAND)) for _ in range(MOST_COMMANDS + 1)]
        await until(lambda: any(each.done() for each in given))
        worker.may.set()
        results = await asyncio.gather(*given, return_exceptions=True)
        assert [type(each) for each in results].count(TalkRefused) == 1


@in_loop
async def test_a_job_that_is_elsewhere_is_refused() -> None:
    async with room() as (_, guest), watching(guest, OTHER) as ada:
        with pytest.raises(TalkRefused, match="not at job"):
            await ada.job.attach()
        with pytest.raises(TalkRefused, match="not at job"):
            await ada.job.command(Pause(), COMMAND)


@in_loop
async def test_a_cut_is_told_to_whoever_waits_for_an_answer() -> None:
    async with room() as (worker, guest), watching(guest) as ada:
        worker.may.clear()
        giving = asyncio.create_task(ada.job.command(Pause(), COMMAND))
        await ada.job.attach()
        await worker.sessions[0].close("the test cuts it")
        with pytest.raises(PeerLost):
            await giving
        worker.may.set()


@in_loop
async def test_files_of_a_job_are_read_like_those_of_models(tmp_path: Path) -> None:
    async with room() as (worker, guest), watching(guest) as ada:
        worker.sample = tmp_path / "drawn.png"
        worker.sample.write_bytes(b"a picture")
        reader = FileReader(ada.session)
        found, _ = await reader.read(What(job_id=JOB, file="sample.png"), 0, 9, 9)
        assert found == b"a picture"
        for what in (What(job_id=JOB, file="other.png"), What(model_id="01234567", file="sample.png")):
            with pytest.raises(ReadRefused):
                await reader.read(what, 0, 9, 9)


@pytest.mark.parametrize(
    "nonsense",
    ["{", '{"op":7}', '{"op":"format"}', json.dumps({"v": 1, "op": "attach", "id": 1, "job_id": "../.."})],
)
def test_nonsense_is_refused_and_a_flood_of_it_ends_the_session_alone(nonsense: str) -> None:
    @in_loop
    async def story() -> None:
        async with room() as (worker, guest):
            async with watching(guest) as ada:
                ada.session.ctl.send(nonsense)
                await ada.job.attach()
                for _ in range(MOST_REFUSALS):
                    ada.session.ctl.send(nonsense)
                assert "asked" in await worker.sessions[0].wait_ended()
            async with watching(guest) as ada:
                await ada.job.attach()

    story()
