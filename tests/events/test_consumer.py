"""The loop that takes messages off a queue: no message is lost, hoarded, or handled for ever."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from support.loop import in_loop, until
from support.queues import Clock, FaultyQueue, engine_queue

from sleap_rtc.events import consumer as consumer_module
from sleap_rtc.events.consumer import Consumer, Done, Outcome, Poison, RetryLater
from sleap_rtc.events.memory_queue import MemoryQueue
from sleap_rtc.storage.errors import InputError, NotFound, Refused, SleapRtcError, Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sleap_rtc.events.queue import Message

DOWN = Unreachable(where="SQS", why="down")
DENIED = Refused(where="SQS", why="denied")


class Handler:
    """Handles messages with a prepared outcome, once it is let go on."""

    def __init__(self, outcome: Outcome | Exception | None = None, *, held: bool = False) -> None:
        self.outcome = outcome or Done()
        self.started: list[str] = []
        self.ended: list[str] = []
        self.most_at_once = 0
        self.go_on = asyncio.Event()
        if not held:
            self.go_on.set()

    async def __call__(self, message: Message) -> Outcome:
        self.started.append(message.body)
        self.most_at_once = max(self.most_at_once, len(self.started) - len(self.ended))
        await asyncio.sleep(0.001)
        await self.go_on.wait()
        self.ended.append(message.body)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@asynccontextmanager
async def consuming(consumer: Consumer) -> AsyncIterator[asyncio.Event]:
    """Run a consumer for as long as the block takes."""
    stop = asyncio.Event()
    running = asyncio.create_task(consumer.run(stop))
    yield stop
    stop.set()
    await running


async def filled(queue: MemoryQueue, count: int) -> MemoryQueue:
    for number in range(count):
        await queue.send(str(number))
    return queue


def hidden_for(queue: MemoryQueue, clock: Clock) -> list[float]:
    """Return for how long each message of a queue is hidden."""
    return [held.visible_at - clock.now for held in queue.held.values()]


def received(queue: MemoryQueue) -> int:
    """Return how many messages of a queue were taken and are not settled."""
    return sum(held.receive_count > 0 for held in queue.held.values())


@in_loop
async def test_a_message_that_is_done_is_settled() -> None:
    queue, handler = await filled(MemoryQueue(), 1), Handler()
    async with consuming(Consumer(queue, handler, wait_s=0)):
        await until(lambda: not queue.held)
    assert handler.ended == ["0"]


@in_loop
async def test_no_more_is_in_flight_than_there_are_slots() -> None:
    queue, handler = await filled(MemoryQueue(), 10), Handler()
    async with consuming(Consumer(queue, handler, slots=3, wait_s=0)):
        await until(lambda: not queue.held)
    assert handler.most_at_once == 3
    assert sorted(handler.ended) == [str(number) for number in range(10)]


@in_loop
async def test_what_no_slot_is_free_for_is_left_to_others() -> None:
    queue, handler = await filled(MemoryQueue(), 10), Handler(held=True)
    async with consuming(Consumer(queue, handler, slots=1, wait_s=0)) as stop:
        await until(lambda: handler.started == ["0"])
        await asyncio.sleep(0.02)
        assert received(queue) == 1
        stop.set()
        handler.go_on.set()


@in_loop
async def test_a_slow_message_keeps_its_slot_alone() -> None:
    queue = await filled(MemoryQueue(), 5)
    slow, quick = Handler(held=True), Handler()

    async def handle(message: Message) -> Outcome:
        return await (slow if message.body == "0" else quick)(message)

    async with consuming(Consumer(queue, handle, slots=2, wait_s=0)):
        await until(lambda: len(quick.ended) == 4)
        slow.go_on.set()


@in_loop
async def test_a_heartbeat_keeps_a_slow_message_hidden() -> None:
    clock = Clock()
    queue, handler = await filled(MemoryQueue("q", clock), 1), Handler(held=True)
    async with consuming(Consumer(queue, handler, visibility_s=1, wait_s=0)):
        for _ in range(3):
            await until(lambda: hidden_for(queue, clock) == [1])
            clock.now += 0.9
        assert handler.started == ["0"]
        handler.go_on.set()
    assert not queue.held


@in_loop
async def test_a_heartbeat_goes_on_after_one_that_was_not_answered() -> None:
    clock = Clock()
    queue = await filled(FaultyQueue(clock, extend=[DOWN, DENIED]), 1)
    handler = Handler(held=True)
    async with consuming(Consumer(queue, handler, visibility_s=1, wait_s=0)):
        await until(lambda: hidden_for(queue, clock) == [1])
        clock.now += 0.9
        await until(lambda: hidden_for(queue, clock) == [1])
        handler.go_on.set()


@in_loop
async def test_a_message_that_came_back_meanwhile_is_left_to_its_next_delivery() -> None:
    clock = Clock()
    queue, handler = await filled(MemoryQueue("q", clock), 1), Handler(held=True)
    async with consuming(Consumer(queue, handler, visibility_s=60, wait_s=0)):
        await until(lambda: handler.started == ["0"])
        clock.now += 61
        handler.go_on.set()
        await until(lambda: not queue.held)
    assert handler.ended == ["0", "0"]


@in_loop
async def test_a_message_to_retry_later_is_shown_after_the_delay() -> None:
    clock = Clock()
    queue, handler = await filled(MemoryQueue("q", clock), 1), Handler(RetryLater(30, "held by w1"))
    async with consuming(Consumer(queue, handler, visibility_s=900, wait_s=0)):
        await until(lambda: hidden_for(queue, clock) == [30])
        handler.outcome = Done()
        clock.now += 30
        await until(lambda: not queue.held)
    assert handler.ended == ["0", "0"]


@in_loop
async def test_poison_goes_to_the_dead_letters_with_its_reason_and_body() -> None:
    queue, dead_letters = await filled(MemoryQueue("jobs"), 1), MemoryQueue("jobs-dlq")
    consumer = Consumer(queue, Handler(Poison("no such job")), wait_s=0, dead_letters=dead_letters)
    async with consuming(consumer):
        await until(lambda: not queue.held)
    [letter] = dead_letters.held.values()
    assert json.loads(letter.body) == {
        "reason": "no such job",
        "queue": "jobs",
        "receive_count": 1,
        "body": "0",
    }


@in_loop
async def test_poison_is_not_lost_while_the_dead_letters_do_not_answer() -> None:
    clock = Clock()
    queue, dead_letters = await filled(MemoryQueue("q", clock), 1), FaultyQueue(clock, send=[DOWN, DENIED])
    consumer = Consumer(queue, Handler(Poison("why")), visibility_s=60, wait_s=0, dead_letters=dead_letters)
    async with consuming(consumer):
        for _ in range(2):
            await until(lambda: hidden_for(queue, clock) == [60])
            clock.now += 60
        await until(lambda: not queue.held)
    assert len(dead_letters.held) == 1


@in_loop
async def test_poison_without_dead_letters_is_kept_out_of_the_way() -> None:
    clock = Clock()
    queue = await filled(MemoryQueue("q", clock), 1)
    async with consuming(Consumer(queue, Handler(Poison("no such job")), wait_s=0)):
        await until(lambda: hidden_for(queue, clock) == [900])


@pytest.mark.parametrize("error", [DOWN, InputError(message="odd"), ZeroDivisionError()])
@pytest.mark.parametrize(("deliveries", "delay_s"), [(1, 2), (2, 4), (5, 32), (10, 900), (99, 900)])
@in_loop
async def test_the_more_often_a_handler_fails_the_longer_its_message_waits(
    error: Exception, deliveries: int, delay_s: float
) -> None:
    clock = Clock()
    queue = await filled(MemoryQueue("q", clock), 1)
    next(iter(queue.held.values())).receive_count = deliveries - 1
    async with consuming(Consumer(queue, Handler(error), visibility_s=60, wait_s=0)):
        await until(lambda: hidden_for(queue, clock) == [delay_s])


@in_loop
async def test_an_error_of_ours_is_logged_as_its_sentence_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    clock = Clock()
    queue = await filled(MemoryQueue("q", clock), 1)
    async with consuming(Consumer(queue, Handler(DOWN), wait_s=0)):
        await until(lambda: hidden_for(queue, clock) == [2])
    assert caplog.messages == [f"queue q: again in 2 s: {DOWN}"]


@in_loop
async def test_a_message_that_fails_does_not_hold_up_the_others() -> None:
    queue = await filled(MemoryQueue("q", Clock()), 3)

    async def handle(message: Message) -> Outcome:
        if message.body == "0":
            raise ZeroDivisionError
        return Done()

    async with consuming(Consumer(queue, handle, wait_s=0)):
        await until(lambda: [held.body for held in queue.held.values()] == ["0"])


@in_loop
async def test_what_the_long_poll_brings_after_stop_is_given_back_unhandled() -> None:
    queue, handler = MemoryQueue(), Handler()
    async with consuming(Consumer(queue, handler, slots=4, visibility_s=600, wait_s=5)) as stop:
        await asyncio.sleep(0.02)
        stop.set()
        await filled(queue, 3)
    assert handler.started == []
    assert [again.receive_count for again in await queue.receive(10, 0, 60)] == [2, 2, 2]


@in_loop
async def test_stop_waits_for_what_is_being_handled_and_settles_it() -> None:
    queue, handler = await filled(MemoryQueue(), 2), Handler(held=True)
    stop = asyncio.Event()
    running = asyncio.create_task(Consumer(queue, handler, slots=2, wait_s=0).run(stop))
    await until(lambda: len(handler.started) == 2)
    stop.set()
    await asyncio.sleep(0.02)
    assert not running.done()
    handler.go_on.set()
    await running
    assert not queue.held


@in_loop
async def test_stop_with_nothing_to_do_ends_the_loop() -> None:
    stop = asyncio.Event()
    stop.set()
    await Consumer(MemoryQueue(), Handler()).run(stop)


@pytest.mark.parametrize("error", [DOWN, DENIED, NotFound(what="queue q")])
@in_loop
async def test_a_queue_that_did_not_answer_is_asked_again(
    error: SleapRtcError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "_PAUSE_AFTER_ERROR_S", 0.01)
    queue = await filled(FaultyQueue(Clock(), receive=[error, error]), 1)
    async with consuming(Consumer(queue, Handler(), wait_s=0)):
        await until(lambda: not queue.held)


@in_loop
async def test_stop_does_not_wait_for_the_pause_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "_PAUSE_AFTER_ERROR_S", 3600)
    queue = FaultyQueue(Clock(), receive=[DOWN])
    async with consuming(Consumer(queue, Handler(), wait_s=0)):
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("error", [DOWN, DENIED])
@in_loop
async def test_a_message_that_could_not_be_settled_is_handled_again(error: SleapRtcError) -> None:
    clock = Clock()
    queue, handler = await filled(FaultyQueue(clock, delete=[error]), 1), Handler()
    async with consuming(Consumer(queue, handler, visibility_s=60, wait_s=0)):
        await until(lambda: handler.ended == ["0"])
        await asyncio.sleep(0.02)
        clock.now += 60
        await until(lambda: not queue.held)
    assert handler.ended == ["0", "0"]


@in_loop
async def test_on_a_real_engine_poison_is_buried_and_the_rest_is_done(engine_url: str) -> None:
    handled: list[str] = []

    async def handle(message: Message) -> Outcome:
        handled.append(message.body)
        return Poison("it is bad") if message.body == "bad" else Done()

    async with engine_queue(engine_url) as queue:
        for body in ("good", "bad", "better"):
            await queue.send(body)
        dead_letters = await queue.dead_letters()
        assert dead_letters is not None
        async with consuming(Consumer(queue, handle, wait_s=1, dead_letters=dead_letters)):
            await until(lambda: len(handled) == 3)
        assert await queue.receive(10, 0, 60) == []
        [letter] = await dead_letters.receive(10, 10, 60)
    assert json.loads(letter.body)["reason"] == "it is bad"
