"""A worker leaves after its jobs or when it is idle, and takes no message with it."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.loop import in_loop, until

from sleap_rtc.events.consumer import Consumer
from sleap_rtc.events.memory_queue import MemoryQueue
from sleap_rtc.events.outcome import Done, Outcome, Poison, RetryLater
from sleap_rtc.worker.shift import Shift
from sleap_rtc.worker.shift_watch import ShiftWatch

if TYPE_CHECKING:
    from sleap_rtc.events.queue import Message


class Clock:
    """Shows the time that a test sets, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Work:
    """A worker on a queue in memory; each message ends as `outcome` says, once `may_end` is set."""

    def __init__(self, shift: Shift, outcome: Outcome | None = None) -> None:
        self.queue = MemoryQueue("jobs", Clock())
        self.clock = Clock()
        self.stop = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.begun: list[str] = []
        self._outcome = outcome or Done()
        self.watch = ShiftWatch(shift, self._handle, self.stop, self.clock)
        self._consumer = Consumer(self.queue, self.watch.handle, visibility_s=60, wait_s=1)

    async def _handle(self, message: Message) -> Outcome:
        self.begun.append(message.body)
        await self.may_end.wait()
        return self._outcome

    async def sent(self, count: int) -> Work:
        """Put messages on the queue."""
        for number in range(count):
            await self.queue.send(f"job {number}")
        return self

    async def consume(self) -> None:
        """Handle messages until `stop` is set."""
        await self._consumer.run(self.stop)

    async def run(self) -> None:
        """Work until the shift is over."""
        await asyncio.gather(self.consume(), self.watch.run())

    @property
    def visible(self) -> list[str]:
        """What the next worker finds at once."""
        return [held.body for held in self.queue.held.values() if held.visible_at <= self.clock()]


@given(settled=st.integers(0, 1000), idle_for_s=st.floats(0, 1e9))
def test_without_limits_a_shift_is_never_over(settled: int, idle_for_s: float) -> None:
    assert Shift().over(settled, idle_for_s) is None


@given(most=st.integers(1, 50), settled=st.integers(0, 100), idle_s=st.floats(1, 100), idle=st.floats(0, 200))
def test_either_limit_ends_a_shift(most: int, settled: int, idle_s: float, idle: float) -> None:
    over = Shift(most, idle_s).over(settled, idle)
    assert (over is not None) == (settled >= most or idle >= idle_s)


@in_loop
async def test_a_worker_leaves_after_its_jobs_and_the_next_one_finds_the_rest_at_once() -> None:
    work = await Work(Shift(max_jobs=2)).sent(5)
    await work.run()
    assert work.begun == ["job 0", "job 1"]
    assert work.visible == ["job 2", "job 3", "job 4"]


@in_loop
async def test_poison_counts_since_its_message_is_gone() -> None:
    work = await Work(Shift(max_jobs=1), Poison("not_json", "not a job")).sent(2)
    await work.run()
    assert work.begun == ["job 0"]


@in_loop
async def test_a_job_that_went_back_does_not_count() -> None:
    work = await Work(Shift(max_jobs=1), RetryLater(30, "held by w1")).sent(3)
    running = asyncio.create_task(work.run())
    await until(lambda: len(work.begun) == 3)
    assert not work.stop.is_set()
    work.stop.set()
    await running


@in_loop
async def test_a_worker_without_work_leaves_after_the_time_and_not_before() -> None:
    work = Work(Shift(idle_s=60))
    work.clock.now += 59.95
    running = asyncio.create_task(work.watch.run())
    await asyncio.sleep(0)
    assert not work.stop.is_set()
    work.clock.now += 0.05
    await running
    assert work.stop.is_set()


@in_loop
async def test_a_long_job_is_not_idleness_and_the_time_begins_anew_at_its_end() -> None:
    work = await Work(Shift(idle_s=60)).sent(1)
    work.may_end.clear()
    running = [asyncio.create_task(work.consume())]
    await until(lambda: work.begun == ["job 0"])
    work.clock.now += 100_000
    running.append(asyncio.create_task(work.watch.run()))
    await asyncio.sleep(0)
    assert not work.stop.is_set()
    work.may_end.set()
    await until(lambda: not work.queue.held)
    assert not work.stop.is_set()
    work.stop.set()
    await asyncio.gather(*running)


@in_loop
async def test_what_the_last_long_poll_brings_is_given_back() -> None:
    work = Work(Shift(idle_s=60))
    running = asyncio.create_task(work.run())
    await asyncio.sleep(0.02)
    work.stop.set()  # as the end of the shift does, in mid-poll
    await work.queue.send("late")
    await running
    assert (work.begun, work.visible) == ([], ["late"])


@in_loop
async def test_a_job_that_fails_unexpectedly_leaves_the_worker_at_work() -> None:
    async def fail(_: Message) -> Outcome:
        raise RuntimeError

    watch = ShiftWatch(Shift(idle_s=math.inf, max_jobs=1), fail, stop := asyncio.Event())
    with pytest.raises(RuntimeError):
        await watch.handle((await (await Work(Shift()).sent(1)).queue.receive(1, 0, 60))[0])
    assert not stop.is_set()
