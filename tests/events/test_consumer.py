"""The loop that takes messages off a queue: no message is lost, hoarded, or handled for ever."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from support.loop import in_loop, in_virtual_time, until
from support.queues import DOWN, FaultyQueue, engine_queue

from sleap_rtc.events.consumer import Consumer
from sleap_rtc.events.delivery import Trouble
from sleap_rtc.events.memory_queue import MemoryQueue
from sleap_rtc.events.outcome import Done, Outcome, Poison, RetryLater, Unfinished
from sleap_rtc.storage.errors import InputError, NotFound, Refused, SleapRtcError, TransferFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sleap_rtc.events.queue import Message
    from sleap_rtc.events.queue_events import QueueEvent

DENIED = Refused(where="SQS", why="denied")
CUT = TransferFailed(what="the dataset", why="cut")
HOUR_S = 3600.0
Q = TypeVar("Q", bound=MemoryQueue)


class Handler:
    """Handles messages with prepared outcomes, the last one for ever; each takes `takes_s`."""

    def __init__(self, *outcomes: Outcome | Exception, takes_s: float = 0.001) -> None:
        self.outcomes = list(outcomes) or [Done()]
        self.takes_s = takes_s
        self.seen: list[Message] = []
        self.times: list[float] = []
        self.ended: list[str] = []
        self.most_at_once = 0

    @property
    def started(self) -> list[str]:
        return [message.body for message in self.seen]

    async def __call__(self, message: Message) -> Outcome:
        self.seen.append(message)
        self.times.append(asyncio.get_running_loop().time())
        self.most_at_once = max(self.most_at_once, len(self.seen) - len(self.ended))
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        await asyncio.sleep(self.takes_s)
        self.ended.append(message.body)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Heard(list["QueueEvent"]):
    """What a consumer told."""

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self]


def consumer_of(
    queue: MemoryQueue, handle: Callable[[Message], Awaitable[Outcome]], **options: Any
) -> Consumer:
    """Return a consumer with the queue's clock, and with the longest waits that jitter can give."""
    return Consumer(queue, handle, **{"now": queue.now, "chance": lambda: 1.0, **options})


@asynccontextmanager
async def consuming(consumer: Consumer) -> AsyncIterator[asyncio.Event]:
    """Run a consumer for as long as the block takes."""
    stop = asyncio.Event()
    running = asyncio.create_task(consumer.run(stop))
    yield stop
    stop.set()
    await running


async def drained(queue: MemoryQueue, consumer: Consumer) -> None:
    """Consume until nothing is left on the queue."""
    async with consuming(consumer):
        await emptied(queue)


async def emptied(queue: MemoryQueue) -> None:
    while queue.held:  # noqa: ASYNC110 # what is waited for has no event
        await asyncio.sleep(1)


async def filled(queue: Q, count: int = 1) -> Q:
    for number in range(count):
        await queue.send(str(number))
    return queue


def waits_s(handler: Handler) -> list[float]:
    """Return the seconds between one attempt and the next."""
    return [round(later - earlier) for earlier, later in itertools.pairwise(handler.times)]


def hidden_for(queue: MemoryQueue) -> list[float]:
    """Return for how long each message of a queue is hidden, to the second."""
    now = asyncio.get_running_loop().time()
    return [round(held.visible_at - now) for held in queue.held.values()]


def received(queue: MemoryQueue) -> int:
    """Return how many messages of a queue were taken and are not settled."""
    return sum(held.receive_count > 0 for held in queue.held.values())


# Settling


@in_virtual_time
async def test_a_message_that_is_done_is_settled() -> None:
    queue, handler = await filled(MemoryQueue()), Handler()
    await drained(queue, consumer_of(queue, handler))
    assert handler.ended == ["0"]


@pytest.mark.parametrize("error", [DOWN, DENIED])
@in_virtual_time
async def test_a_message_that_could_not_be_settled_is_handled_again(error: SleapRtcError) -> None:
    queue, handler = await filled(FaultyQueue(delete=[error])), Handler()
    await drained(queue, consumer_of(queue, handler))
    assert handler.ended == ["0", "0"]


@in_virtual_time
async def test_a_queue_that_answers_a_delete_with_nonsense_does_not_end_the_loop() -> None:
    class Nonsense(FaultyQueue):
        async def delete(self, message: Message) -> None:
            if "delete" not in self.calls:
                self.calls.append("delete")
                raise ZeroDivisionError
            await super().delete(message)

    queue, handler = await filled(Nonsense()), Handler()
    await drained(queue, consumer_of(queue, handler))
    assert handler.ended == ["0", "0"]


@in_virtual_time
async def test_a_message_to_retry_later_is_shown_after_the_delay_and_not_counted() -> None:
    queue, handler = await filled(MemoryQueue()), Handler(RetryLater(30, "held by w1"), Done())
    await drained(queue, consumer_of(queue, handler))
    assert [message.attempts for message in handler.seen] == [0, 0]
    assert waits_s(handler) == [30]


@in_virtual_time
async def test_a_message_that_fails_does_not_hold_up_the_others() -> None:
    queue = await filled(MemoryQueue(), 3)
    seen: list[str] = []

    async def handle(message: Message) -> Outcome:
        seen.append(message.body)
        if seen == ["0"]:
            raise ZeroDivisionError
        return Done()

    await drained(queue, consumer_of(queue, handle))
    assert seen == ["0", "1", "2", "0"]


# Slots


@in_virtual_time
async def test_no_more_is_in_flight_than_there_are_slots() -> None:
    queue, handler = await filled(MemoryQueue(), 10), Handler()
    await drained(queue, consumer_of(queue, handler, slots=3))
    assert handler.most_at_once == 3
    assert sorted(handler.ended) == [str(number) for number in range(10)]


@in_virtual_time
async def test_with_one_slot_only_one_message_is_ever_asked_for_and_the_rest_is_left_to_others() -> None:
    queue, handler = await filled(FaultyQueue(), 10), Handler(takes_s=600)
    async with consuming(consumer_of(queue, handler)):
        for _ in range(30):
            await asyncio.sleep(150)
            assert received(queue) <= 1
    assert set(queue.asked_for) == {1}


@in_virtual_time
async def test_of_ten_slow_messages_in_a_batch_none_comes_back() -> None:
    queue, handler = await filled(MemoryQueue(), 10), Handler(takes_s=HOUR_S)
    await drained(queue, consumer_of(queue, handler, slots=10))
    assert [message.receive_count for message in handler.seen] == [1] * 10


@in_virtual_time
async def test_a_slow_message_keeps_its_slot_alone() -> None:
    queue = await filled(MemoryQueue(), 5)
    slow, quick = Handler(takes_s=HOUR_S), Handler()

    async def handle(message: Message) -> Outcome:
        return await (slow if message.body == "0" else quick)(message)

    async with consuming(consumer_of(queue, handle, slots=2)):
        await asyncio.sleep(60)
        assert sorted(quick.ended) == ["1", "2", "3", "4"]


@in_virtual_time
async def test_the_hook_hears_how_many_slots_are_in_use() -> None:
    queue, heard = await filled(MemoryQueue(), 2), Heard()
    await drained(queue, consumer_of(queue, Handler(), slots=2, on_event=heard.append))
    in_use = [event.in_use for event in heard if hasattr(event, "in_use")]
    assert in_use == [1, 2, 1, 0]


# Heartbeats


@in_virtual_time
async def test_a_heartbeat_keeps_a_slow_message_hidden() -> None:
    queue, handler = await filled(FaultyQueue()), Handler(takes_s=190)
    await drained(queue, consumer_of(queue, handler, visibility_s=60))
    assert handler.ended == ["0"]
    assert queue.calls.count("extend") == 9


@pytest.mark.parametrize("error", [DOWN, DENIED])
@in_virtual_time
async def test_heartbeats_that_were_not_answered_are_tried_again_sooner(error: SleapRtcError) -> None:
    queue, heard = await filled(FaultyQueue(extend=[None, *[error] * 9])), Heard()
    handler = Handler(takes_s=300)
    await drained(queue, consumer_of(queue, handler, visibility_s=60, on_event=heard.append))
    assert handler.ended == ["0"]
    assert heard.names().count("HeartbeatFailed") == 9


@in_virtual_time
async def test_a_heartbeat_survives_what_nobody_thought_of() -> None:
    class Broken(FaultyQueue):
        async def extend(self, message: Message, visibility_s: int) -> None:
            if len(self.calls) == 2:
                self.calls.append("broken")
                raise ZeroDivisionError
            await super().extend(message, visibility_s)

    queue, handler = await filled(Broken()), Handler(takes_s=200)
    await drained(queue, consumer_of(queue, handler, visibility_s=60))
    assert "broken" in queue.calls
    assert handler.ended == ["0"]


@in_virtual_time
async def test_a_heartbeat_under_way_is_waited_for_before_the_message_is_settled() -> None:
    class Slow(FaultyQueue):
        async def extend(self, message: Message, visibility_s: int) -> None:
            await asyncio.sleep(5)
            await super().extend(message, visibility_s)

    queue = await filled(Slow())
    await drained(queue, consumer_of(queue, Handler(takes_s=22), visibility_s=60))
    await asyncio.sleep(60)
    assert queue.calls_on_dead_handles == []


@in_virtual_time
async def test_a_dead_handle_is_never_called_again_while_its_handler_runs_on() -> None:
    queue, heard = await filled(FaultyQueue(extend=[DOWN] * 14)), Heard()
    slow, waiting = Handler(takes_s=300), Handler(RetryLater(400, "held by w1"), Done())
    async with consuming(consumer_of(queue, slow, visibility_s=60, on_event=heard.append)) as stop:
        await asyncio.sleep(1)
        stop.set()  # so that the second consumer gets it
        await drained(queue, consumer_of(queue, waiting, visibility_s=600))
    assert (slow.ended, waiting.ended) == (["0"], ["0", "0"])
    assert queue.calls_on_dead_handles == []
    assert heard.names().count("HandleLost") == 1
    assert "Settled" not in heard.names()


# Failures: what is counted, and how long the wait is


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (DOWN, 0),
        (Unfinished(Trouble.OUTAGE, "down"), 0),
        (Unfinished(Trouble.WAITING, "busy"), 0),
        (Unfinished(Trouble.DRAIN, "stopping"), 0),
        (RetryLater(0, "stopping"), 0),
        (CUT, 1),
        (InputError(message="odd"), 1),
        (ZeroDivisionError(), 1),
        (Unfinished(Trouble.TRANSFER, "cut"), 1),
    ],
)
@in_virtual_time
async def test_a_failure_is_counted_only_if_it_may_be_the_message_s_own(
    error: Outcome | Exception, attempts: int
) -> None:
    queue, handler = await filled(MemoryQueue()), Handler(error, Done())
    await drained(queue, consumer_of(queue, handler))
    assert [message.attempts for message in handler.seen] == [0, attempts]
    assert handler.started == ["0", "0"]


@pytest.mark.parametrize(
    ("error", "expected_s"), [(CUT, [90, 270, 810, 1800]), (ZeroDivisionError(), [90, 270, 810, 900])]
)
@in_virtual_time
async def test_the_wait_grows_with_each_failure_and_the_fifth_is_the_last(
    error: Exception, expected_s: list[float]
) -> None:
    queue, dead_letters, handler = await filled(MemoryQueue()), MemoryQueue(), Handler(error)
    await drained(queue, consumer_of(queue, handler, dead_letters=dead_letters))
    assert waits_s(handler) == expected_s
    [letter] = dead_letters.held.values()
    assert letter.attributes["reason_code"] == "gave_up"
    assert letter.attributes["failed_attempts"] == "5"


@in_virtual_time
async def test_an_outage_of_a_day_buries_nothing() -> None:
    queue, dead_letters, handler = await filled(MemoryQueue()), MemoryQueue(), Handler(DOWN)
    async with consuming(consumer_of(queue, handler, dead_letters=dead_letters)):
        await asyncio.sleep(24 * HOUR_S)
        handler.outcomes = [Done()]
        await emptied(queue)
    assert not dead_letters.held
    assert {message.attempts for message in handler.seen} == {0}


@in_virtual_time
async def test_records_that_were_done_stay_done_over_attempts() -> None:
    def unfinished(trouble: Trouble, record: str) -> Unfinished:
        return Unfinished(trouble, "not all", frozenset({record}))

    queue = await filled(MemoryQueue())
    handler = Handler(unfinished(Trouble.TRANSFER, "a"), unfinished(Trouble.OUTAGE, "b"), Done())
    await drained(queue, consumer_of(queue, handler))
    assert [sorted(message.done) for message in handler.seen] == [[], ["a"], ["a", "b"]]
    assert [message.attempts for message in handler.seen] == [0, 1, 1]


@in_virtual_time
async def test_done_records_that_do_not_fit_are_forgotten_and_the_failure_is_counted() -> None:
    queue = await filled(MemoryQueue(most_bytes=100))
    handler = Handler(Unfinished(Trouble.TRANSFER, "cut", frozenset({"x" * 100})), Done())
    await drained(queue, consumer_of(queue, handler))
    assert (handler.seen[1].attempts, handler.seen[1].done) == (1, frozenset())


@in_virtual_time
async def test_a_failed_message_with_no_room_for_a_count_is_buried_and_not_tried_for_ever() -> None:
    queue, dead_letters = MemoryQueue(most_bytes=100), MemoryQueue()
    await queue.send("x" * 100)
    await drained(queue, consumer_of(queue, Handler(CUT), dead_letters=dead_letters))
    [letter] = dead_letters.held.values()
    assert letter.attributes["reason_code"] == "too_large"


@in_virtual_time
async def test_an_error_of_ours_is_logged_as_its_sentence_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "sleap_rtc")
    queue = await filled(MemoryQueue("q"))
    await drained(queue, consumer_of(queue, Handler(DOWN, Done())))
    assert caplog.messages == [f"queue q: again in 15 s (outage): {DOWN}"]


@in_virtual_time
async def test_a_message_received_very_often_is_made_fresh_before_sqs_takes_it_for_poison() -> None:
    queue, handler = await filled(MemoryQueue()), Handler(RetryLater(100, "held by w1"))
    async with consuming(consumer_of(queue, handler)):
        await asyncio.sleep(1200 * 101)
        handler.outcomes = [Done()]
        await emptied(queue)
    assert max(message.receive_count for message in handler.seen) == 500
    assert len(handler.seen) > 1000


# Poison


@in_virtual_time
async def test_poison_goes_to_the_dead_letters_with_its_body_and_everything_known() -> None:
    queue, dead_letters = MemoryQueue("jobs"), MemoryQueue("jobs-dlq")
    await queue.send('{"ü": 1}', 5, {"traceparent": "00-a-b-01", "attempts": "2"})
    poisoned = Handler(Poison("unknown_room", "no such\nroom"))
    await drained(queue, consumer_of(queue, poisoned, dead_letters=dead_letters, instance="w1"))
    [letter] = dead_letters.held.values()
    assert letter.body == '{"ü": 1}'
    assert letter.attributes == {
        "reason_code": "unknown_room",
        "reason": "no such room",
        "failed_attempts": "2",
        "receive_count": "1",
        "source_queue": "jobs",
        "message_id": poisoned.seen[0].message_id,
        "sent_at": "1970-01-01T00:00:00+00:00",
        "buried_at": "1970-01-01T00:00:05.001000+00:00",
        "instance": "w1",
        "traceparent": "00-a-b-01",
    }


@in_virtual_time
async def test_poison_gives_one_line_for_the_operator(caplog: pytest.LogCaptureFixture) -> None:
    queue, dead_letters, heard = await filled(MemoryQueue("q")), MemoryQueue(), Heard()
    consumer = consumer_of(
        queue, Handler(Poison("refused", "why\nso")), dead_letters=dead_letters, on_event=heard.append
    )
    await drained(queue, consumer)
    [line] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert line == "queue q: poison message m1 (refused): why so"
    assert heard.names().count("Buried") == 1


@in_virtual_time
async def test_poison_is_not_lost_while_the_dead_letters_do_not_answer() -> None:
    queue, dead_letters = await filled(FaultyQueue()), FaultyQueue(send=[DOWN, DENIED])
    await drained(queue, consumer_of(queue, Handler(Poison("refused", "why")), dead_letters=dead_letters))
    assert len(dead_letters.held) == 1


@in_virtual_time
async def test_a_letter_is_written_before_its_message_is_settled() -> None:
    queue, dead_letters = await filled(FaultyQueue(delete=[DOWN])), MemoryQueue()
    await drained(queue, consumer_of(queue, Handler(Poison("refused", "why")), dead_letters=dead_letters))
    assert {letter.body for letter in dead_letters.held.values()} == {"0"}


@in_virtual_time
async def test_a_body_that_leaves_no_room_for_a_reason_is_buried_without_one() -> None:
    queue, dead_letters = MemoryQueue(), MemoryQueue(most_bytes=100)
    await queue.send("x" * 100)
    await drained(queue, consumer_of(queue, Handler(Poison("refused", "why")), dead_letters=dead_letters))
    [letter] = dead_letters.held.values()
    assert (letter.body, letter.attributes) == ("x" * 100, {})


@in_virtual_time
async def test_poison_without_dead_letters_is_kept_out_of_the_way() -> None:
    queue = await filled(MemoryQueue())
    async with consuming(consumer_of(queue, Handler(Poison("refused", "why")))):
        await asyncio.sleep(11 * HOUR_S)
        assert received(queue) == 1
        assert hidden_for(queue)[0] > 0.9 * HOUR_S


# Stopping


@in_virtual_time
async def test_what_the_long_poll_brings_after_stop_is_given_back_unhandled() -> None:
    queue, handler, heard = MemoryQueue(), Handler(), Heard()
    consumer = consumer_of(queue, handler, slots=4, visibility_s=600, on_event=heard.append)
    async with consuming(consumer) as stop:
        await asyncio.sleep(5)
        stop.set()
        await asyncio.sleep(0.05)
        await filled(queue, 3)
    assert handler.started == []
    assert heard.names() == ["GivenBack"] * 3
    assert [again.receive_count for again in await queue.receive(10, 0, 60)] == [2, 2, 2]


class SharedPlace:
    """One place that somebody else may have."""

    def __init__(self, *, taken: bool) -> None:
        self.free = asyncio.Event()
        if not taken:
            self.free.set()

    async def wait(self) -> None:
        await self.free.wait()

    def enter(self) -> bool:
        was_free = self.free.is_set()
        self.free.clear()
        return was_free

    def leave(self) -> None:
        self.free.set()


@in_virtual_time
async def test_no_message_is_asked_for_while_somebody_else_has_the_place() -> None:
    queue, handle, place = MemoryQueue(), Handler(takes_s=1), SharedPlace(taken=True)
    await queue.send("a")
    async with consuming(consumer_of(queue, handle, gate=place)):
        await asyncio.sleep(HOUR_S)
        assert [held.receive_count for held in queue.held.values()] == [0]
        place.leave()
        await emptied(queue)
    assert handle.ended == ["a"]
    assert place.free.is_set()


@in_virtual_time
async def test_a_message_that_comes_when_the_place_was_just_taken_goes_back_at_once() -> None:
    queue, handle, place = MemoryQueue(), Handler(), SharedPlace(taken=False)
    async with consuming(consumer_of(queue, handle, gate=place, wait_s=20)):
        await asyncio.sleep(1)
        assert place.enter()
        await queue.send("a")
        await asyncio.sleep(60)
        assert not handle.seen
        (message,) = await queue.receive(1, 0, 60)
        await queue.extend(message, 0)
        place.leave()
        await emptied(queue)
    assert handle.started == ["a"]


@in_virtual_time
async def test_stop_ends_the_wait_for_a_place() -> None:
    async with consuming(consumer_of(MemoryQueue(), Handler(), gate=SharedPlace(taken=True))):
        await asyncio.sleep(1)


@in_virtual_time
async def test_stop_waits_for_what_is_being_handled_and_settles_it() -> None:
    queue, handler = await filled(MemoryQueue(), 2), Handler(takes_s=HOUR_S)
    async with consuming(consumer_of(queue, handler, slots=2)) as stop:
        await asyncio.sleep(1)
        stop.set()
    assert not queue.held
    assert asyncio.get_running_loop().time() == pytest.approx(HOUR_S, abs=1)


@in_virtual_time
async def test_stop_with_nothing_to_do_ends_the_loop() -> None:
    stop = asyncio.Event()
    stop.set()
    await Consumer(MemoryQueue(), Handler()).run(stop)


@pytest.mark.parametrize("error", [DOWN, DENIED, NotFound(what="queue q")])
@in_virtual_time
async def test_a_queue_that_did_not_answer_is_asked_again(error: SleapRtcError) -> None:
    queue = await filled(FaultyQueue(receive=[error, error]))
    await drained(queue, consumer_of(queue, Handler()))


@in_virtual_time
async def test_a_queue_that_answers_nonsense_is_asked_again() -> None:
    class Nonsense(MemoryQueue):
        answered = False

        async def receive(self, most: int, wait_s: int, visibility_s: int) -> list[Message]:
            if not self.answered:
                self.answered = True
                raise ZeroDivisionError
            return await super().receive(most, wait_s, visibility_s)

    queue = await filled(Nonsense())
    await drained(queue, consumer_of(queue, Handler()))


@in_virtual_time
async def test_stop_does_not_wait_for_the_pause_after_an_error() -> None:
    async with consuming(consumer_of(FaultyQueue(receive=[DOWN]), Handler())):
        await asyncio.sleep(0.5)
    assert asyncio.get_running_loop().time() == pytest.approx(0.5, abs=0.1)


# On a real engine


@in_loop
async def test_on_a_real_engine_poison_is_buried_and_the_rest_is_done(engine_url: str) -> None:
    handled: list[str] = []

    async def handle(message: Message) -> Outcome:
        handled.append(message.body)
        return Poison("refused", "it is bad") if message.body == "bad" else Done()

    async with engine_queue(engine_url) as queue:
        for body in ("good", "bad", "better"):
            await queue.send(body)
        dead_letters = await queue.dead_letters()
        assert dead_letters is not None
        async with consuming(Consumer(queue, handle, wait_s=1, dead_letters=dead_letters)):
            await until(lambda: len(handled) == 3)
        assert await queue.receive(10, 0, 60) == []
        [letter] = await dead_letters.receive(10, 10, 60)
    assert (letter.body, letter.attributes["reason"]) == ("bad", "it is bad")
