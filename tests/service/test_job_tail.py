"""The live events of a job as they come to the bucket: whoever watches is told everything once, in order."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.jobs import ROOM, CountingStore, claim, queued_job
from support.loop import in_loop, run, until

from sleap_rtc.events import job_asks, job_steps
from sleap_rtc.events.job_progress import LineLogged, RunEnded, Told
from sleap_rtc.events.job_store import JobStore
from sleap_rtc.service import job_tail
from sleap_rtc.service.job_live import JobLive
from sleap_rtc.service.job_tail import FIRST, Line, Place
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import NotFound, Unreachable
from sleap_rtc.storage.object_store import Create

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from sleap_rtc.events.jobs import Job

LONG_AGO = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_tail, "POLL_EVERY_S", 0.01)
    monkeypatch.setattr(job_asks, "LAST_WORDS", LONG_AGO - timedelta(seconds=1))


def told(seq: int, run_: int = 1, event: Any = None) -> str:
    event = event or LineLogged(text=f"Zeile {seq}\u2028")
    return Told(run=run_, seq=seq, at=datetime.now(UTC), event=event).model_dump_json() + "\n"


class Watcher:
    """Listens until the end, or until he goes away."""

    def __init__(self, lines: AsyncGenerator[Line]) -> None:
        self.heard: list[Place] = []
        self.task = asyncio.create_task(self._listen(lines))

    async def _listen(self, lines: AsyncGenerator[Line]) -> None:
        async with aclosing(lines):
            async for line in lines:
                self.heard.append(line.place)

    async def hears(self, heard: list[Place]) -> None:
        """Wait until he has heard all of this and nothing else."""
        await until(lambda: len(self.heard) >= len(heard))
        assert self.heard == heard

    async def goes(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


class Bucket:
    """A room's bucket with a job, and an instance of the service that tells of it."""

    def __init__(self) -> None:
        self.store = CountingStore()
        self.jobs = JobStore(self.store)
        job = claim(queued_job(), now=datetime.now(UTC))
        self.job_id = job.job_id
        self.jobs.create(job)
        self.live = JobLive(self.store, self.jobs)

    @property
    def now(self) -> Job:
        return self.jobs.get(ROOM, self.job_id)

    def change(self, change: Callable[[Job], Job]) -> None:
        self.jobs.change(ROOM, self.job_id, change)

    def write(self, *seqs: int, run_: int = 1, last: int | None = None, text: str = "") -> None:
        """Write a piece with these events."""
        key = keys.progress_key(ROOM, self.job_id, run_, last or seqs[-1])
        self.store.put(key, (text + "".join(told(seq, run_) for seq in seqs)).encode(), Create())

    def end(self, seq: int, run_: int = 1) -> None:
        """Write the last words of a run."""
        key = keys.progress_key(ROOM, self.job_id, run_, seq)
        self.store.put(key, told(seq, run_, RunEnded(state="failed")).encode(), Create())

    def fail(self, ago: timedelta = timedelta()) -> None:
        self.change(lambda job: job_steps.failed(job, datetime.now(UTC) - ago, "w1", "broken", "It broke."))

    def fail_long_ago(self) -> None:
        self.fail(LONG_AGO)

    def given_back_and_claimed(self) -> None:
        """Let another worker have the job."""
        now = datetime.now(UTC)
        self.change(lambda job: job_steps.given_back(job, job.fencing, now, "away", 0, 3, counts=False))
        self.change(lambda job: claim(job, "w2", now))

    def lines(self, after: Place = FIRST, live: JobLive | None = None) -> AsyncGenerator[Line]:
        return (live or self.live).events(ROOM, self.job_id, after)

    def watcher(self, after: Place = FIRST, live: JobLive | None = None) -> Watcher:
        """Return somebody who listens in the background."""
        return Watcher(self.lines(after, live))

    async def all(self, after: Place = FIRST) -> list[Place]:
        """Return what a watcher hears until the end."""
        return [line.place async for line in self.lines(after)]


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def places(*seqs: int, run_: int = 1) -> list[Place]:
    return [Place(run_, seq) for seq in seqs]


@in_loop
async def test_a_job_that_nobody_watched_has_nothing_to_tell_and_ends_at_once(bucket: Bucket) -> None:
    bucket.fail()
    assert await bucket.all() == []


@in_loop
async def test_what_was_told_is_replayed_from_where_a_watcher_was_cut_off(bucket: Bucket) -> None:
    bucket.write(1, 2, 3)
    bucket.write(5, 6, 7)
    bucket.write(9)
    bucket.fail_long_ago()
    assert await bucket.all() == places(1, 2, 3, 5, 6, 7, 9)
    assert await bucket.all(Place(1, 5)) == places(6, 7, 9)
    assert await bucket.all(Place(1, 9)) == []


@in_loop
async def test_a_replay_reads_only_what_was_not_seen(bucket: Bucket) -> None:
    for seq in range(1, 101):
        bucket.write(seq)
    bucket.fail_long_ago()
    assert await bucket.all(Place(1, 98)) == places(99, 100)
    read = [key for key in bucket.store.read if "/live/" in key]
    assert len(read) == 2


@in_loop
async def test_pieces_that_overlap_are_told_once(bucket: Bucket) -> None:
    bucket.write(1, 2, 3)
    bucket.write(2, 3, 4)
    bucket.fail_long_ago()
    assert await bucket.all() == places(1, 2, 3, 4)


@in_loop
async def test_events_come_as_they_are_written_until_the_run_says_that_it_has_ended(bucket: Bucket) -> None:
    watcher = bucket.watcher()
    await until(lambda: bucket.now.watched_until is not None)
    bucket.write(1, 2)
    await watcher.hears(places(1, 2))
    bucket.write(3)
    await watcher.hears(places(1, 2, 3))
    bucket.fail()
    bucket.end(4)
    await watcher.task
    assert watcher.heard == places(1, 2, 3, 4)


@in_loop
async def test_the_last_words_are_waited_for(bucket: Bucket) -> None:
    watcher = bucket.watcher()
    await until(lambda: bucket.now.watched_until is not None)
    bucket.fail()
    looks = bucket.store.read[keys.job_key(ROOM, bucket.job_id)]
    await until(lambda: bucket.store.read[keys.job_key(ROOM, bucket.job_id)] > looks + 5)
    assert not watcher.task.done()
    bucket.end(7)
    await watcher.task
    assert watcher.heard == places(7)


@in_loop
async def test_the_last_words_of_a_worker_that_was_lost_are_not_waited_for_for_ever(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_asks, "LAST_WORDS", timedelta(seconds=0.2))
    watcher = bucket.watcher()
    await until(lambda: bucket.now.watched_until is not None)
    bucket.fail()
    await watcher.task
    assert watcher.heard == []


@in_loop
async def test_a_store_that_is_away_when_the_last_words_come_does_not_end_the_stream_without_them(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = bucket.watcher(Place(1, 0))
    await until(lambda: bucket.now.watched_until is not None)
    bucket.fail()
    listed = len(bucket.store.listed)
    await until(lambda: len(bucket.store.listed) > listed + 2)
    bucket.store.listing_fails_with = [Unreachable(where="S3", why="down") for _ in range(1000)]
    await until(lambda: len(bucket.store.listing_fails_with) < 998)
    monkeypatch.setattr(job_asks, "LAST_WORDS", timedelta())
    left = len(bucket.store.listing_fails_with)
    await until(lambda: len(bucket.store.listing_fails_with) < left - 1)
    bucket.end(7)
    bucket.store.listing_fails_with = []
    await watcher.task
    assert watcher.heard == places(7)


@in_loop
async def test_the_next_run_is_told_after_the_one_before(bucket: Bucket) -> None:
    bucket.write(1, 2)
    bucket.end(3)
    watcher = bucket.watcher()
    await watcher.hears(places(1, 2, 3))
    bucket.given_back_and_claimed()
    bucket.write(1, run_=2)
    bucket.fail()
    bucket.end(2, run_=2)
    await watcher.task
    assert watcher.heard == places(1, 2, 3) + places(1, 2, run_=2)
    assert await bucket.all(Place(1, 3)) == places(1, 2, run_=2)


@in_loop
async def test_five_who_watch_cost_one_poll_and_one_read_of_each_piece(bucket: Bucket) -> None:
    watchers = [bucket.watcher() for _ in range(5)]
    await until(lambda: len(bucket.store.listed) > 20)
    for seq in range(1, 6):
        bucket.write(seq)
        for watcher in watchers:
            await watcher.hears(places(*range(1, seq + 1)))
    bucket.fail()
    bucket.end(6)
    await asyncio.gather(*(watcher.task for watcher in watchers))
    read = bucket.store.read
    assert {key: count for key, count in read.items() if "/live/" in key and count != 1} == {}
    lists = [prefix for prefix in bucket.store.listed if "/live/" in prefix]
    # One for each look, which reads the record too, and one for each who begins at the beginning.
    assert len(lists) <= read[keys.job_key(ROOM, bucket.job_id)] + 5


@in_loop
async def test_nobody_is_polled_for_once_all_have_gone(bucket: Bucket) -> None:
    before = asyncio.all_tasks()
    one, other = bucket.watcher(), bucket.watcher()
    bucket.write(1)
    await one.hears(places(1))
    await one.goes()
    bucket.write(2)
    await other.hears(places(1, 2))
    await other.goes()
    assert bucket.live._tails == {}
    assert asyncio.all_tasks() == before


@in_loop
async def test_two_instances_tell_the_same_and_write_the_record_once(bucket: Bucket) -> None:
    other = JobLive(bucket.store, JobStore(bucket.store))
    here, there = bucket.watcher(), bucket.watcher(live=other)
    bucket.write(1, 2)
    await here.hears(places(1, 2))
    await there.hears(places(1, 2))
    watched_until = bucket.now.watched_until
    bucket.write(3)
    await here.hears(places(1, 2, 3))
    await there.hears(places(1, 2, 3))
    assert bucket.now.watched_until == watched_until
    bucket.fail()
    bucket.end(4)
    await asyncio.gather(here.task, there.task)


@in_loop
async def test_a_store_that_is_away_for_a_while_costs_no_event(bucket: Bucket) -> None:
    watcher = bucket.watcher()
    bucket.write(1)
    await watcher.hears(places(1))
    bucket.store.listing_fails_with = [Unreachable(where="S3", why="down") for _ in range(3)]
    bucket.write(2)
    await watcher.hears(places(1, 2))
    bucket.fail()
    bucket.end(3)
    await watcher.task
    assert watcher.heard == places(1, 2, 3)


@in_loop
async def test_a_piece_that_cannot_be_read_at_first_is_read_again(bucket: Bucket) -> None:
    failures = [Unreachable(where="S3", why="down")] * 2

    def fail(key: str) -> None:
        if "/live/" in key and failures:
            raise failures.pop()

    bucket.store.after_read = fail
    bucket.write(1, 2)
    bucket.write(3)
    bucket.fail_long_ago()
    assert await bucket.all() == places(1, 2, 3)
    assert failures == []


@in_loop
async def test_a_watcher_far_behind_catches_up(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_tail, "_MOST_PIECES", 3)
    for seq in range(1, 20):
        bucket.write(seq)
    behind = bucket.watcher()
    await behind.hears(places(*range(1, 20)))
    late = bucket.watcher(Place(1, 4))
    await late.hears(places(*range(5, 20)))
    bucket.write(20)
    await late.hears(places(*range(5, 21)))
    await behind.hears(places(*range(1, 21)))
    await behind.goes()
    await late.goes()


@in_loop
async def test_what_a_newer_worker_says_is_handed_on_and_what_is_no_event_is_not(bucket: Bucket) -> None:
    newer = '{"v":1,"run":1,"seq":2,"at":"2026-11-28T06:00:00Z","event":{"kind":"levitated","cm":3}}\n'
    rubbish = (
        "{\n\n" + told(9) + told(1, 2) + '{"run":1,"seq":1,\r"event":{"kind":"x"}}\n' + "x" * 70_000 + "\n"
    )
    bucket.write(3, text=rubbish + newer, last=3)
    bucket.store.put(f"{keys.progress_prefix(ROOM, bucket.job_id)}odd.txt", b"odd", Create())
    bucket.fail_long_ago()
    lines = [line async for line in bucket.lines()]
    assert [(line.place, line.kind) for line in lines] == [(Place(1, 2), "levitated"), (Place(1, 3), "log")]
    assert lines[0].text == newer.rstrip("\n")


@in_loop
async def test_a_job_that_is_gone_ends_the_stream_with_an_error(bucket: Bucket) -> None:
    watcher = bucket.watcher()
    await until(lambda: bucket.now.watched_until is not None)
    bucket.store.delete(keys.job_key(ROOM, bucket.job_id))
    with pytest.raises(NotFound):
        await watcher.task


seqs = st.lists(st.integers(1, 3), min_size=1, max_size=6)


@hypothesis_settings(max_examples=40)
@given(
    sizes=seqs,
    overlaps=st.lists(st.integers(0, 3), min_size=6, max_size=6),
    cuts=st.lists(st.integers(0, 14)),
)
def test_however_often_a_watcher_is_cut_off_he_hears_everything_once(
    sizes: list[int], overlaps: list[int], cuts: list[int]
) -> None:
    async def story() -> None:
        bucket, newest = Bucket(), 0
        for size, overlap in zip(sizes, overlaps, strict=False):
            first = max(1, newest + 1 - overlap)
            newest += size
            bucket.write(*range(first, newest + 1))
        bucket.fail_long_ago()
        heard = [FIRST]
        for most in [*cuts, None]:
            seen_before = len(heard)
            async with aclosing(bucket.lines(heard[-1])) as lines:
                async for line in lines:
                    if most is not None and len(heard) - seen_before >= most:
                        break
                    heard.append(line.place)
        assert heard[1:] == places(*range(1, newest + 1))

    run(story())
