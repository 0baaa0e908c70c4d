"""Models that a worker keeps for peers: whole, of its room alone, and no more than it may keep."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from support.jobs import CHECKSUM, NOON, ROOM, TRACEPARENT
from support.loop import in_loop
from support.signaling_server import GOOD_TOKEN, SignalingServer

from sleap_rtc.client.live_room import live_room
from sleap_rtc.events.workers import BELIEVED_FOR, WorkerView, peers_with
from sleap_rtc.live.errors import ReadRefused
from sleap_rtc.live.file_reader import FileReader
from sleap_rtc.live.file_requests import What
from sleap_rtc.live.job_board import JobBoard
from sleap_rtc.live.signaling_messages import CloseCode
from sleap_rtc.settings import Settings
from sleap_rtc.storage.manifest import ModelFile, ModelRecord, model_id_of
from sleap_rtc.worker.kind import WorkerKind
from sleap_rtc.worker.live_server import LiveServer
from sleap_rtc.worker.served_models import ServedModels
from sleap_rtc.worker.wiring import live_part

if TYPE_CHECKING:
    from pathlib import Path

BUDGET = 1000


class Shelf:
    """A folder of kept models, and models to keep."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "served-models"
        self.jobs = folder / "work"

    def served(self, room_id: str = ROOM, budget_bytes: int = BUDGET) -> ServedModels:
        return ServedModels(self.folder, room_id, budget_bytes)

    def train(self, name: str, size_bytes: int = 300, room_id: str = ROOM) -> tuple[Path, ModelRecord]:
        """Leave a model as a job does; return its folder and record."""
        folder = self.jobs / name
        folder.mkdir(parents=True)
        content = name.encode().ljust(size_bytes, b".")
        (folder / "best.ckpt").write_bytes(content)
        (folder / "secret.txt").write_text("not for peers")
        files = (ModelFile(name="best.ckpt", size_bytes=size_bytes, checksum=CHECKSUM),)
        record = ModelRecord(
            model_id=model_id_of((files[0].model_copy(update={"name": name}),)),
            model_type="centroid",
            room_id=room_id,
            files=files,
            job_id="01J00000000000000000000000",
            attempt=1,
            fencing=1,
            dataset_checksum=CHECKSUM,
            trainer="reference trainer",
            trained_by="ada",
            trained_on_worker="gpu-1",
            trained_at=NOON,
            traceparent=TRACEPARENT,
        )
        return folder, record

    def keep(self, name: str, used_at: float, **options: int | str) -> ModelRecord:
        """Keep a model that was last used at a time."""
        folder, record = self.train(name, **options)  # type: ignore[arg-type]
        self.served().keep(folder, record)
        kept = self.folder / f"centroid_{record.model_id}" / "model.json"
        if kept.exists():
            os.utime(kept, (used_at, used_at))
        return record


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def best(record: ModelRecord, file: str = "best.ckpt") -> What:
    return What(model_id=record.model_id, file=file)


def test_a_model_is_kept_beyond_its_job_without_a_second_copy(shelf: Shelf) -> None:
    folder, record = shelf.train("one")
    shelf.served().keep(folder, record)
    kept = shelf.served().find(best(record))
    assert kept.samefile(folder / "best.ckpt")
    assert sorted(path.name for path in kept.parent.iterdir()) == ["best.ckpt", "model.json"]
    assert [path.name for path in shelf.folder.iterdir()] == [f"centroid_{record.model_id}"]


def test_where_there_are_no_links_it_is_copied(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError("another disk")

    monkeypatch.setattr(os, "link", no_links)
    record = shelf.keep("one", 1)
    assert shelf.served().find(best(record)).read_bytes().startswith(b"one")


def test_only_files_that_the_record_names_are_read_out(shelf: Shelf) -> None:
    record = shelf.keep("one", 1)
    for file in ("secret.txt", "model.json", "last.ckpt"):
        with pytest.raises(ReadRefused):
            shelf.served().find(best(record, file))


def test_models_of_another_room_are_neither_told_nor_read_out(shelf: Shelf) -> None:
    theirs = shelf.keep("theirs", 1, room_id="elsewhere")
    ours = shelf.keep("ours", 2)
    assert shelf.served().ids() == (ours.model_id,)
    with pytest.raises(ReadRefused) as refused:
        shelf.served().find(best(theirs))
    with pytest.raises(ReadRefused) as unknown:
        shelf.served().find(What(model_id="ffffffff", file="best.ckpt"))
    assert str(refused.value) == str(unknown.value)


def test_the_model_that_was_asked_for_least_recently_goes_first(shelf: Shelf) -> None:
    first, second, third = (shelf.keep(name, at) for at, name in enumerate(("a", "b", "c")))
    shelf.served().find(best(first))
    fourth = shelf.keep("d", datetime.now(UTC).timestamp() + 10)
    assert set(shelf.served().ids()) == {first.model_id, third.model_id, fourth.model_id}
    assert second.model_id not in shelf.served().ids()


def test_a_model_that_is_larger_than_the_budget_drives_nobody_out(shelf: Shelf) -> None:
    small = shelf.keep("small", 1)
    shelf.keep("large", 2, size_bytes=BUDGET + 1)
    assert shelf.served().ids() == (small.model_id,)


def test_a_budget_of_nothing_keeps_nothing(shelf: Shelf) -> None:
    shelf.keep("one", 1)
    shelf.served(budget_bytes=0).prune()
    assert list(shelf.folder.iterdir()) == []


def test_what_a_killed_worker_left_half_made_is_removed(shelf: Shelf) -> None:
    record = shelf.keep("one", 1)
    (shelf.folder / ".gone-1.999999.01KAS3FZ3Q8Y5T0V9J6W2M4N7P.tmp").mkdir()
    (shelf.folder / ".nonsense.tmp").mkdir()
    shelf.served().prune()
    assert [path.name for path in shelf.folder.iterdir()] == [f"centroid_{record.model_id}"]


def test_a_record_that_cannot_be_read_hides_its_model_alone(shelf: Shelf) -> None:
    broken, whole = shelf.keep("broken", 1), shelf.keep("whole", 2)
    (shelf.folder / f"centroid_{broken.model_id}" / "model.json").write_text("{")
    assert shelf.served().ids() == (whole.model_id,)


def test_a_disk_that_is_full_does_not_fail_the_job(shelf: Shelf) -> None:
    folder, record = shelf.train("one")
    shelf.folder.parent.mkdir(exist_ok=True)
    shelf.folder.write_text("a file where the folder should be")
    shelf.served().keep(folder, record)
    assert shelf.served().ids() == ()


def test_a_worker_serves_its_room_and_stops_when_it_is_told(shelf: Shelf) -> None:
    @in_loop
    async def story() -> None:
        record = shelf.keep("one", 1)
        stop = asyncio.Event()
        async with SignalingServer().running() as server:
            live = live_part(settings(shelf, server.url), ROOM, WorkerKind.DESKTOP)
            assert live is not None
            serving = asyncio.create_task(LiveServer(live.signaling, JobBoard(), live.models).run(stop))
            await live.signaling.registered()
            async with live_room(server.url, ROOM, GOOD_TOKEN) as room:
                session = await room.call(live.signaling.peer_id)
                found, _ = await FileReader(session).read(best(record), 0, 3, 300)
                assert found == b"one"
                stop.set()
                await serving
                await session.wait_ended()
        (worker, _) = server.registrations
        tags = ["sleap-rtc", "training-worker", "inference-worker"]
        assert (worker.role, list(worker.metadata.tags)) == ("worker", tags)
        assert worker.metadata.properties["models"] is worker.metadata.properties["s3"] is True

    story()


def test_a_server_that_takes_the_workers_place_away_does_not_end_the_worker(shelf: Shelf) -> None:
    @in_loop
    async def story() -> None:
        async with SignalingServer().running() as server:
            live = live_part(settings(shelf, server.url), ROOM, WorkerKind.DESKTOP)
            assert live is not None
            serving = asyncio.create_task(
                LiveServer(live.signaling, JobBoard(), live.models).run(asyncio.Event())
            )
            await live.signaling.registered()
            await server.hang_up(CloseCode.REPLACED)
            await serving

    story()


def settings(shelf: Shelf, url: str) -> Settings:
    return Settings(live_signaling_url=url, token=SecretStr(GOOD_TOKEN), data_dir=shelf.folder.parent)


@pytest.mark.parametrize("kind", [WorkerKind.RUNAI, WorkerKind.KUBERNETES])
def test_a_pod_is_a_peer_that_reads_no_models_out(shelf: Shelf, kind: WorkerKind) -> None:
    pod = live_part(settings(shelf, "ws://signaling.test/ws"), ROOM, kind)
    assert pod is not None
    assert pod.models is None


def test_without_a_token_a_worker_is_no_peer(shelf: Shelf) -> None:
    without = settings(shelf, "").model_copy(update={"token": SecretStr("")})
    assert live_part(without, ROOM, WorkerKind.DESKTOP) is None


def test_a_worker_is_a_peer_where_the_service_is(shelf: Shelf) -> None:
    assert settings(shelf, "").signaling_url == "ws://127.0.0.1:8700/ws"
    assert settings(shelf, "wss://live.example/ws").signaling_url == "wss://live.example/ws"


def view(name: str, job_id: str | None = None, **changed: object) -> WorkerView:
    fields = {"room_id": ROOM, "worker_id": name, "kind": "desktop", "trainer": "reference"}
    times = {"started_at": NOON, "until": NOON + BELIEVED_FOR}
    live = {"peer_id": f"ada#{name}", "models": ("0a1b2c3d",)}
    return WorkerView.model_validate({**fields, **times, **live, "job_id": job_id, **changed})


def test_idle_workers_that_are_there_are_asked_first() -> None:
    workers = [
        view("busy", job_id="01J00000000000000000000000"),
        view("gone", until=NOON),
        view("idle"),
        view("no peer", peer_id=""),
        view("newer", until=NOON + 2 * BELIEVED_FOR),
        view("without it", models=()),
    ]
    assert peers_with(workers, "0a1b2c3d", NOON) == ["ada#newer", "ada#idle", "ada#busy"]


def test_a_worker_of_before_is_no_peer() -> None:
    told = view("old").model_dump(exclude={"peer_id", "models"})
    assert peers_with([WorkerView.model_validate(told)], "0a1b2c3d", NOON) == []
