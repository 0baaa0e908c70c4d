"""Jobs that a client hands straight to a worker, between real peers."""

from __future__ import annotations

import os
import zipfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from support.direct_lab import DirectWorker, direct_worker
from support.loop import in_loop_with_processes
from support.plain_engine import install_plain_engine
from support.signaling import open_hall
from support.top_down import KINDS, make_top_down_package

from sleap_rtc.client.direct_job import DirectJob, DirectJobFailed
from sleap_rtc.client.direct_talk import DirectTalk, JobNotTaken
from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.client.room_entry import Door, entered
from sleap_rtc.events.job_progress import EpochEnded, StepTaken
from sleap_rtc.events.jobs import JobRequest
from sleap_rtc.live.control import Control
from sleap_rtc.worker.slot import Holder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sleap_rtc.client.live_room import LiveRoom
    from sleap_rtc.events.job_progress import JobEvent, Told
    from sleap_rtc.live.peer_session import PeerSession
    from sleap_rtc.local.issuer import LocalIssuer
    from sleap_rtc.storage.progress import TransferProgress

MIB = 1024 * 1024
ONE_EPOCH = JobRequest(overrides={"trainer_config.max_epochs": "1"})


@dataclass
class Watcher:
    """Remembers what it was told, and may cut the session as the package goes out."""

    cut_at_bytes: int | None = None
    steps: list[str] = field(default_factory=list)
    events: list[JobEvent] = field(default_factory=list)
    sent_bytes: int = 0
    sessions: list[PeerSession] = field(default_factory=list)

    def sending(self, progress: TransferProgress, /) -> None:
        self.sent_bytes = progress.done_bytes
        if self.cut_at_bytes is not None and progress.done_bytes >= self.cut_at_bytes:
            self.cut_at_bytes = None
            self.sessions[-1].end("the test cut it")

    def on_step(self, step: str, job: str) -> None:
        self.steps.append(step)

    def on_told(self, told: Told) -> None:
        self.events.append(told.event)


@dataclass
class Bench:
    """A worker, and a client in the same room."""

    door: Door
    worker: DirectWorker
    room: LiveRoom
    registry: ClientModelRegistry
    watcher: Watcher

    def job(self, package: Path, request: JobRequest = ONE_EPOCH) -> DirectJob:
        async def call() -> PeerSession:
            session = await self.room.call(self.worker.peer_id)
            self.watcher.sessions.append(session)
            return session

        return DirectJob(call, "gpu-1", package, request, self.registry, self.watcher)


@asynccontextmanager
async def bench(issuer: LocalIssuer, folder: Path, **worker: Any) -> AsyncIterator[Bench]:
    async with open_hall(issuer) as hall:
        room_id, token = hall.open_room()
        room = {"room_id": room_id, "token": token}
        door = Door(hall.ws_url, hall.http_url, room_id, room_token=token)
        registry = ClientModelRegistry(folder / "models" / "manifest.json")
        async with direct_worker(hall, folder / "worker", room, **worker) as at, entered(door) as live:
            yield Bench(door, at, live, registry, Watcher())


async def state_for_somebody_else(at: Bench, job_id: str) -> str:
    """Return what another peer of the room is told of a job."""
    async with entered(at.door) as other:
        session = await other.call(at.worker.peer_id)
        control = Control(session)
        talk = DirectTalk(session, control)
        control.listen()
        try:
            return (await talk.collect(job_id)).state
        finally:
            await session.close()


def padded(package: Path, target: Path, size_bytes: int) -> Path:
    """Return a package that is as large as is needed for several ranges."""
    target.write_bytes(package.read_bytes())
    with zipfile.ZipFile(target, "a") as archive:
        inside = archive.namelist()[0].partition("/")[0]
        archive.writestr(f"{inside}/padding.bin", os.urandom(size_bytes))
    return target


@in_loop_with_processes
async def _whole_story(issuer: LocalIssuer, folder: Path, package: Path) -> None:
    async with bench(issuer, folder) as at:
        job = at.job(package)
        ((kept, in_room),) = [(each.kept, each.in_room) for each in await job.run()]
        assert (kept.folder / "best.ckpt").read_bytes() == b"weights"
        assert at.registry.get(kept.model_id) is not None
        assert in_room
        assert [record.model_id for record in at.worker.room.taken] == [kept.model_id]
        # To the room nobody's job made it.
        assert at.worker.room.taken[0].job_id == ""
        assert at.worker.models.ids() == (kept.model_id,)
        assert at.worker.slot.holder is None
        assert list(at.worker.work_dir.iterdir()) == []
        states = [event.state for event in at.watcher.events if isinstance(event, StepTaken)]
        assert states == ["claimed", "downloading", "training", "uploading"]
        assert any(isinstance(event, EpochEnded) for event in at.watcher.events)
        assert at.watcher.steps == ["connected", "results"]
        assert await state_for_somebody_else(at, job.job_id) == "unknown"


def test_a_package_is_read_trained_and_its_model_read_back(
    token_issuer: LocalIssuer, tmp_path: Path, small_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plain_engine(tmp_path / "bin", monkeypatch)
    _whole_story(token_issuer, tmp_path, small_package)


@in_loop_with_processes
async def _two_models(issuer: LocalIssuer, folder: Path, package: Path) -> None:
    async with bench(issuer, folder) as at:
        brought = await at.job(package).run()
        assert [each.kept.model_type for each in brought] == list(KINDS)
        assert [(each.kept.folder / "best.ckpt").read_text() for each in brought] == list(KINDS)
        assert all(each.in_room for each in brought)
        assert at.watcher.steps == ["connected", "results", "results"]


def test_both_models_of_a_package_are_read_back(
    token_issuer: LocalIssuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = '(run / "best.ckpt").write_text(run.name)'
    install_plain_engine(tmp_path / "bin", monkeypatch, before=named)
    _two_models(token_issuer, tmp_path, make_top_down_package(tmp_path / "mice.zip"))


@in_loop_with_processes
async def _cut_off(issuer: LocalIssuer, folder: Path, package: Path, size: int) -> None:
    async with bench(issuer, folder) as at:
        at.watcher.cut_at_bytes = 12 * MIB
        job = at.job(package)
        (kept,) = [each.kept for each in await job.run()]
        assert kept.model_type == "single_instance"
        assert at.watcher.steps == ["connected", "again", "connected", "results"]
        assert len(at.watcher.sessions) == 2
        # The first range had come; what was under way of the second is all that was sent twice.
        assert job.sent_bytes < size + 8 * MIB


def test_a_package_whose_way_was_cut_goes_on_from_the_ranges_that_came(
    token_issuer: LocalIssuer, tmp_path: Path, small_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plain_engine(tmp_path / "bin", monkeypatch)
    package = padded(small_package, tmp_path / "large.zip", 17 * MIB)
    _cut_off(token_issuer, tmp_path, package, package.stat().st_size)


@in_loop_with_processes
async def _failures(issuer: LocalIssuer, folder: Path, package: Path, no_package: Path) -> None:
    async with bench(issuer, folder) as at:
        with pytest.raises(DirectJobFailed, match=r"training_failed.*no gradient today"):
            await at.job(package).run()
        with pytest.raises(DirectJobFailed, match="package_refused"):
            await at.job(no_package).run()
        assert at.worker.slot.holder is None
        at.worker.slot.take(Holder("somebody"))
        with pytest.raises(JobNotTaken, match="busy"):
            await at.job(package).run()
        assert at.worker.room.taken == []


def test_a_job_that_fails_is_told_with_its_reason_and_a_busy_worker_takes_none(
    token_issuer: LocalIssuer, tmp_path: Path, small_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plain_engine(tmp_path / "bin", monkeypatch, before="print('no gradient today'); sys.exit(1)")
    no_package = tmp_path / "no.zip"
    no_package.write_bytes(b"no zip file at all")
    _failures(token_issuer, tmp_path, small_package, no_package)
