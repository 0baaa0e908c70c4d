"""What a worker tells and does for those who have no live path to it, through the record that it looks at."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.desktop import MemoryLab, hold_of
from support.product import eventually
from ulid import ULID

from sleap_rtc.events import job_asks, job_steps
from sleap_rtc.events.job_commands import CommandAnswer, Pause, Resume, Sample, Stop
from sleap_rtc.events.job_progress import BatchEnded, LineLogged, RunEnded, Told, must_arrive, read_told
from sleap_rtc.live.job_board import JobRun
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import Unreachable
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.worker import held_job, job_relay
from sleap_rtc.worker.held_job import HeldJob
from sleap_rtc.worker.job_relay import JobRelay, pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sleap_rtc.events.job_commands import Command
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.storage.object_store import PutMode

LEASE_S = 60.0
PNG = b"\x89PNG\r\n\x1a\nmice"
IDS = [str(ULID.from_timestamp(index)) for index in range(1, 10)]


@pytest.fixture(autouse=True)
def _in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_relay, "WRITE_EVERY_S", 0.01)
    monkeypatch.setattr(held_job, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(held_job, "LOOK_OFTEN_S", 0.01)


class Store(MemoryObjectStore):
    """Remembers what is written, and is away for what a test names."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []
        self.away_for = ""

    def put(
        self,
        key: str,
        body: bytes,
        mode: PutMode,
        content_type: str = "application/json",
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Write an object, or fail."""
        self.written.append(key)
        if self.away_for and re.search(self.away_for, key):
            raise Unreachable(where="S3", why="down")
        return super().put(key, body, mode, content_type, metadata)


class Desk(MemoryLab):
    """A worker at a job, and the record through which others reach it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.store = Store()
        self.rooms = self.store
        self.jobs = type(self.jobs)(self.store)
        self.folder = folder
        self.obeyed: list[tuple[str, str, str]] = []
        self.may = threading.Event()
        self.may.set()
        self.answer = CommandAnswer(outcome="done", text="done")
        self.hold = self.claimed()
        self.run = JobRun(self.hold.job_id, self.hold.fencing, self.obey, self.find)
        self.relay = JobRelay(self.desk(), self.hold, self.run)
        self.held = HeldJob(self.desk(), self.job(self.hold), LEASE_S, self.relay.looked)

    def obey(self, command: Command, command_id: str, by: str) -> CommandAnswer:
        if isinstance(command, Pause):
            self.may.wait(120)
        self.obeyed.append((command.name, command_id, by))
        if isinstance(command, Stop):
            raise OSError("the trainer is gone")
        return self.answer

    def find(self, name: str) -> Path | None:
        path = self.folder / name
        return path if path.exists() else None

    @property
    def now(self) -> Job:
        return self.job(self.hold)

    def change(self, change: Callable[[Job], Job]) -> Job:
        return self.jobs.change(self.room_id, self.hold.job_id, change)

    def watch(self) -> None:
        self.change(lambda job: job_asks.watched(job, datetime.now(UTC)))

    def ask(self, command_id: str, command: Command) -> None:
        self.change(lambda job: job_asks.asked(job, command_id, command, "Ada", datetime.now(UTC)))

    def answered(self, command_id: str) -> CommandAnswer:
        """Wait for the answer to a command."""
        eventually(lambda: job_asks.command_of(self.now, command_id).answer is not None)
        answer = job_asks.command_of(self.now, command_id).answer
        assert answer is not None
        return answer

    def tell(self, *texts: str) -> None:
        for text in texts:
            self.run.tell(LineLogged(text=text))

    def relayed(self) -> list[Told]:
        """Return what stands in the room, in the order of its pieces, each event once."""
        found: dict[int, Told] = {}
        for info in self.rooms.list(keys.progress_prefix(self.room_id, self.hold.job_id)):
            for line in self.rooms.get(info.key).body.splitlines():
                told = read_told(line)
                assert told is not None
                found.setdefault(told.seq, told)
        assert list(found) == sorted(found)
        return list(found.values())

    def lines(self) -> list[str]:
        return [told.event.text for told in self.relayed() if isinstance(told.event, LineLogged)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_nobody_watching_costs_no_request(desk: Desk) -> None:
    written = list(desk.store.written)
    with desk.held, desk.relay:
        for index in range(50):
            desk.tell(f"line {index}")
            desk.run.tell(BatchEnded(epoch=0, batch=index))
        for _ in range(5):
            desk.relay.looked(desk.now)
    assert desk.store.written == written


def test_who_begins_to_watch_is_told_what_happened_before_and_what_happens_then(desk: Desk) -> None:
    with desk.held, desk.relay:
        desk.tell("before")
        desk.watch()
        eventually(lambda: desk.lines() == ["before"])
        desk.tell("Mäuse\u2028", "")
        eventually(lambda: desk.lines() == ["before", "Mäuse\u2028", ""])


def test_what_is_told_before_the_run_is_left_is_written(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_relay, "WRITE_EVERY_S", 600)
    desk.watch()
    with desk.held, desk.relay:
        desk.tell("first")
        eventually(lambda: desk.lines() == ["first"])
        desk.tell("last")
        desk.run.tell(RunEnded(state="failed"))
    assert [told.event.kind for told in desk.relayed()] == ["log", "log", "end"]


def test_the_last_words_of_a_job_that_somebody_cancelled_are_written(desk: Desk) -> None:
    desk.watch()
    with desk.held, desk.relay:
        desk.tell("first")
        eventually(lambda: desk.lines() == ["first"])
        desk.change(lambda job: job_steps.cancelled(job, datetime.now(UTC), "Ada"))
        eventually(lambda: desk.held.lost is not None)
        desk.run.tell(RunEnded(state="cancelled"))
    assert desk.relayed()[-1].event == RunEnded(state="cancelled")


def test_of_what_is_soon_stale_only_the_newest_is_written(desk: Desk) -> None:
    for batch in range(1000):
        desk.run.tell(BatchEnded(epoch=0, batch=batch))
    desk.watch()
    with desk.held, desk.relay:
        eventually(lambda: bool(desk.relayed()))
    assert [told.event for told in desk.relayed()] == [BatchEnded(epoch=0, batch=999)]


def test_watching_ends_by_itself(desk: Desk) -> None:
    with desk.held, desk.relay:
        long_ago = datetime.now(UTC) - timedelta(seconds=1)
        desk.change(lambda job: job.model_copy(update={"watched_until": long_ago}))
        desk.relay.looked(desk.now)
    stale = Desk(desk.folder)
    stale.change(lambda job: job.model_copy(update={"watched_until": long_ago}))
    relay = JobRelay(stale.desk(), stale.hold, stale.run)
    with relay:
        relay.looked(stale.now)
        stale.tell("nobody hears it")
    assert stale.relayed() == []


def test_a_store_that_is_away_costs_time_and_no_event(desk: Desk) -> None:
    desk.watch()
    with desk.held, desk.relay:
        desk.store.away_for = "/live/"
        desk.tell("one", "two")
        eventually(lambda: sum("/live/" in key for key in desk.store.written) >= 3)
        desk.tell("three")
        desk.store.away_for = ""
        eventually(lambda: desk.lines() == ["one", "two", "three"])
    assert desk.held.lost is None


def test_a_store_that_stays_away_does_not_keep_the_job(desk: Desk) -> None:
    desk.watch()
    with desk.held, desk.relay:
        desk.store.away_for = "/live/"
        desk.tell("one")
    assert desk.relayed() == []


def test_commands_are_obeyed_once_in_their_order_and_answered_in_the_record(desk: Desk) -> None:
    with desk.held, desk.relay:
        desk.ask(IDS[0], Pause())
        desk.ask(IDS[1], Resume())
        assert desk.answered(IDS[1]) == desk.answered(IDS[0]) == desk.answer
        for _ in range(3):
            desk.relay.looked(desk.now)
    assert desk.obeyed == [("pause", IDS[0], "Ada"), ("resume", IDS[1], "Ada")]


def test_a_command_that_takes_long_keeps_neither_the_lease_nor_the_next_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_relay, "_TURN_S", 0.01)
    renewed = desk.now.lease
    desk.held = HeldJob(desk.desk(), desk.now, 0.3, desk.relay.looked)
    desk.may.clear()
    with desk.held, desk.relay:
        desk.ask(IDS[0], Pause())
        desk.ask(IDS[1], Resume())
        desk.answered(IDS[1])
        eventually(lambda: desk.now.lease != renewed)
        assert [name for name, _, _ in desk.obeyed] == ["resume"]
        desk.may.set()
        desk.answered(IDS[0])
    assert desk.held.lost is None


def test_a_command_that_breaks_is_refused_and_the_job_goes_on(desk: Desk) -> None:
    with desk.held, desk.relay:
        desk.ask(IDS[0], Stop())
        refused = desk.answered(IDS[0])
    assert (refused.outcome, refused.text) == (
        "refused",
        "the worker could not do it; its log says why",
    )


def test_an_answer_that_does_not_get_there_is_told_again_without_a_second_effect(desk: Desk) -> None:
    with desk.held, desk.relay:
        desk.ask(IDS[0], Pause())
        desk.may.clear()
        desk.store.away_for = "job.json"
        desk.may.set()
        eventually(lambda: len(desk.obeyed) == 1)
        desk.store.away_for = ""
        assert desk.answered(IDS[0]) == desk.answer
    assert len(desk.obeyed) == 1


def test_an_answer_that_comes_after_the_job_was_lost_harms_nobody(desk: Desk) -> None:
    desk.may.clear()
    with desk.held, desk.relay:
        desk.ask(IDS[0], Pause())
        eventually(lambda: IDS[0] in desk.relay._begun)
        long_ago = datetime.now(UTC) - timedelta(minutes=1)
        desk.change(lambda job: job_steps.lost(job, long_ago, "sweep", 3))
        desk.may.set()
    assert job_asks.command_of(desk.now, IDS[0]).answer is None


def test_the_picture_that_a_command_made_is_brought_to_the_room(desk: Desk) -> None:
    (desk.folder / "frame-7.png").write_bytes(PNG)
    desk.answer = CommandAnswer(outcome="done", text="drew frame 7", files=("frame-7.png",))
    with desk.held, desk.relay:
        desk.ask(IDS[0], Sample(frame=7))
        assert desk.answered(IDS[0]) == desk.answer
    assert desk.rooms.get(keys.sample_key(desk.room_id, desk.hold.job_id, "frame-7.png")).body == PNG


@pytest.mark.parametrize("away_for", ["/samples/", ""], ids=["store away", "no such file"])
def test_an_answer_names_no_picture_that_is_not_in_the_room(desk: Desk, away_for: str) -> None:
    if away_for:
        (desk.folder / "frame-7.png").write_bytes(PNG)
    desk.store.away_for = away_for
    desk.answer = CommandAnswer(outcome="done", text="drew frame 7", files=("frame-7.png",))
    with desk.held, desk.relay:
        desk.ask(IDS[0], Sample(frame=7))
        answer = desk.answered(IDS[0])
    assert answer.files == ()
    assert answer.text == "drew frame 7; not all pictures could be brought to the room"


def test_a_later_run_does_not_obey_what_was_asked_of_an_earlier_one(desk: Desk) -> None:
    desk.ask(IDS[0], Pause())
    now = datetime.now(UTC)
    desk.change(lambda job: job_steps.given_back(job, 1, now, "away", 0, 3, counts=False))
    job = desk.desk().claim(desk.room_id, desk.hold.job_id, "w2", "m2")
    relay = JobRelay(desk.desk(), hold_of(job), desk.run)
    with relay:
        relay.looked(job)
    assert desk.obeyed == []


events = st.one_of(
    st.builds(LineLogged, text=st.text(max_size=30)),
    st.builds(BatchEnded, epoch=st.just(0), batch=st.integers(0, 9)),
)


@given(st.lists(events, max_size=30), st.integers(1, 1000))
def test_pieces_hold_every_event_once_and_no_more_than_fits(event_list: list[object], most: int) -> None:
    run = JobRun("job", 1, lambda *_: CommandAnswer.refused("no"))
    for event in event_list:
        run.tell(event)  # type: ignore[arg-type]
    told = run.since(0)
    cut = list(pieces(told, most))
    assert [read_told(line) for _, text in cut for line in text.split("\n") if line] == told
    for last, text in cut:
        lines = [read_told(line) for line in text.split("\n") if line]
        assert lines[-1] is not None
        assert lines[-1].seq == last
        assert len(text) <= most or len(lines) == 1
    assert all(told.seq <= cut[-1][0] for told in told if must_arrive(told.event))
