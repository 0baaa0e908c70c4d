"""A job of thirty hours under SQS's rule that a message is hidden for at most twelve: it is trained once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.jobs import ROOM, make_job
from support.loop import in_virtual_time
from support.queues import DOWN, FaultyQueue

from sleap_rtc.events import job_steps, jobs
from sleap_rtc.events.consumer import Consumer
from sleap_rtc.events.job_store import JobStore
from sleap_rtc.events.memory_queue import MemoryQueue
from sleap_rtc.events.outcome import Done, Outcome, Poison, RetryLater
from sleap_rtc.storage.memory_store import MemoryObjectStore

if TYPE_CHECKING:
    from sleap_rtc.events.queue import Message
    from sleap_rtc.events.queue_events import QueueEvent

HOUR_S = 3600
LEASE_S = 120
LOST = [*[None] * 10, DOWN]
"""The eleventh heartbeat does not get through."""
LATE = [*LOST, *[None] * 20, *[DOWN] * 30]
"""And later none does for longer than the message is hidden."""


class Lab:
    """A room's queue with one job, and two workers."""

    def __init__(self, heartbeats: list[object], ends: Outcome | None = None) -> None:
        self.queue = FaultyQueue("jobs", extend=list(heartbeats))  # type: ignore[arg-type] # see above
        self.dead_letters = MemoryQueue("jobs-dlq")
        self.jobs = JobStore(MemoryObjectStore())
        self.ends = ends or Done()
        self.trained_by: list[str] = []
        self.waits = 0
        self.heard: list[QueueEvent] = []
        start = self.queue.now()
        self.job, _ = self.jobs.create(job_steps.queued(make_job(created_at=start), start, "n"))

    def change(self, worker: str, message: Message) -> jobs.Job:
        now = self.queue.now()
        return self.jobs.change(
            ROOM,
            self.job.job_id,
            lambda present: job_steps.claimed(present, worker, now, LEASE_S, message.message_id, 3),
        )

    def renewed(self, present: jobs.Job, fencing: int) -> jobs.Job:
        return job_steps.renewed(present, fencing, self.queue.now(), LEASE_S)

    async def train(self, worker: str, message: Message) -> Outcome:
        """Train for thirty hours, or wait for who does."""
        try:
            held = self.change(worker, message)
        except jobs.JobEnded:
            return Done()
        except jobs.JobClaimed as holder:
            self.waits += 1
            return RetryLater(holder.remaining_s + 1, str(holder))
        self.trained_by.append(worker)
        until = self.queue.now() + timedelta(hours=30)
        while self.queue.now() < until:
            await asyncio.sleep(LEASE_S / 3)
            self.jobs.change(ROOM, held.job_id, lambda present: self.renewed(present, held.fencing))
        self.jobs.change(
            ROOM, held.job_id, lambda present: job_steps.published(present, self.queue.now(), "model.json")
        )
        return self.ends

    def worker(self, name: str) -> Consumer:
        return Consumer(
            self.queue,
            lambda message: self.train(name, message),
            role="jobs",
            visibility_s=LEASE_S,
            dead_letters=self.dead_letters,
            now=self.queue.now,
            on_event=self.heard.append,
        )

    def heard_of(self, event: str) -> int:
        return sum(type(heard).__name__ == event for heard in self.heard)


async def worked(lab: Lab, *, hours: float = 31) -> None:
    """Let both workers work for so long."""
    await lab.queue.send("the job")
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(hours * HOUR_S, stop.set)
    await asyncio.gather(lab.worker("w1").run(stop), lab.worker("w2").run(stop))


@pytest.mark.parametrize(("heartbeats", "handed_over"), [([], 1), (LOST, 1), (LATE, 0)])
@in_virtual_time
async def test_a_job_of_thirty_hours_is_trained_once_and_leaves_nothing(
    heartbeats: list[object], handed_over: int
) -> None:
    lab = Lab(heartbeats)
    await worked(lab)
    assert len(lab.trained_by) == 1
    assert lab.heard_of("HandedOver") == handed_over
    assert lab.heard_of("HandleLost") == 1 - handed_over
    assert lab.waits > 100
    assert (lab.queue.held, lab.dead_letters.held) == ({}, {})
    assert lab.queue.calls_on_dead_handles == []


@in_virtual_time
async def test_what_failed_after_the_hand_over_comes_back_by_a_message_of_its_own() -> None:
    lab = Lab([], ends=RetryLater(60, "the worker shuts down"))
    await worked(lab, hours=12)
    continuation, fresh = lab.queue.held.values()
    assert fresh.visible_at - fresh.sent_at == 60
    assert (continuation.body, fresh.body) == ("the job", "the job")
    assert lab.queue.calls_on_dead_handles == []


@in_virtual_time
async def test_poison_after_the_hand_over_is_buried() -> None:
    lab = Lab([], ends=Poison("refused", "why"))
    await worked(lab)
    assert [letter.body for letter in lab.dead_letters.held.values()] == ["the job"]
    assert lab.queue.held == {}


@in_virtual_time
async def test_a_hand_over_that_is_not_answered_is_tried_again_without_a_second_continuation() -> None:
    lab = Lab([])
    lab.queue.fail("delete", [DOWN, DOWN])
    await worked(lab, hours=12)
    assert lab.heard_of("HandedOver") == 1
    assert lab.heard_of("HeartbeatFailed") == 2
    assert [held.body for held in lab.queue.held.values()] == ["the job"]


@in_virtual_time
async def test_a_visibility_as_long_as_sqs_allows_is_handed_over_in_time_all_the_same() -> None:
    queue, trained = FaultyQueue(), []

    async def handle(message: Message) -> Outcome:
        trained.append(message)
        await asyncio.sleep(30 * HOUR_S if len(trained) == 1 else 0)
        return Done()

    await queue.send("the job")
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(HOUR_S, stop.set)
    await Consumer(queue, handle, visibility_s=43_200, now=queue.now).run(stop)
    assert [held.sent_at / HOUR_S for held in queue.held.values()] == pytest.approx([11], abs=0.1)
    assert queue.calls_on_dead_handles == []
