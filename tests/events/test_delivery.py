"""The rules of a delivery: what is counted, how long the wait is, and that no message is ever lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.loop import run_in_virtual_time
from support.queues import DOWN, Fault, FaultyQueue, ReplyLost

from sleap_rtc.events import delivery
from sleap_rtc.events.consumer import Consumer
from sleap_rtc.events.delivery import GiveUp, RetryIn, Trouble
from sleap_rtc.events.outcome import Done, Outcome, Poison, RetryLater, Unfinished
from sleap_rtc.storage.errors import InputError, TransferFailed, Unreachable

if TYPE_CHECKING:
    from sleap_rtc.events.queue import Message

chances = st.floats(0, 1)
counts = st.integers(1, 2000)


def decided(trouble: Trouble, failures: int = 1, receive_count: int = 1, chance: float = 1.0) -> object:
    return delivery.decide(
        trouble, "why", failures=failures, receive_count=receive_count, most_attempts=5, chance=chance
    )


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (Unreachable(where="S3", why="down"), Trouble.OUTAGE),
        (TransferFailed(what="it", why="cut"), Trouble.TRANSFER),
        (InputError(message="odd"), Trouble.UNEXPECTED),
        (KeyError("x"), Trouble.UNEXPECTED),
    ],
)
def test_an_exception_says_what_kind_of_trouble_it_is(error: Exception, trouble: Trouble) -> None:
    assert delivery.trouble_of(error) is trouble


@given(trouble=st.sampled_from(list(Trouble)), failures=counts, receive_count=counts, chance=chances)
def test_only_counted_failures_ever_give_up(
    trouble: Trouble, failures: int, receive_count: int, chance: float
) -> None:
    decision = decided(trouble, failures, receive_count, chance)
    assert isinstance(decision, GiveUp) == (trouble.counted and failures >= 5)


@pytest.mark.parametrize(
    ("trouble", "shortest_s", "longest_s"),
    [
        (Trouble.OUTAGE, 5, 300),
        (Trouble.TRANSFER, 30, 1800),
        (Trouble.UNEXPECTED, 30, 900),
        (Trouble.DRAIN, 0, 0),
    ],
)
@given(failures=st.integers(1, 4), receive_count=counts, chance=chances)
def test_a_wait_lies_between_the_shortest_and_the_longest_of_its_kind(
    trouble: Trouble, shortest_s: float, longest_s: float, failures: int, receive_count: int, chance: float
) -> None:
    decision = decided(trouble, failures, receive_count, chance)
    assert isinstance(decision, RetryIn)
    assert shortest_s <= decision.delay_s <= longest_s


@given(wanted_s=st.floats(0, 100_000), elapsed_s=st.floats(0, 50_000))
def test_no_message_is_ever_asked_to_be_hidden_beyond_twelve_hours(wanted_s: float, elapsed_s: float) -> None:
    hidden_s = delivery.hidden_s(wanted_s, elapsed_s)
    assert hidden_s == 0 or elapsed_s + hidden_s <= 43_200


@given(visibility_s=st.integers(1, 43_200))
def test_two_heartbeats_may_be_lost_and_a_lost_one_is_tried_again_sooner(visibility_s: int) -> None:
    assert delivery.heartbeat_interval_s(visibility_s) * 3 == pytest.approx(visibility_s)
    assert delivery.heartbeat_retry_s(visibility_s) < delivery.heartbeat_interval_s(visibility_s)


# Any sequence of outcomes, under any faults of the queues

outcomes = st.lists(
    st.one_of(
        st.just(RetryLater(30, "busy")),
        st.just(RetryLater(0, "stopping")),
        st.just(Poison("refused", "why")),
        st.sampled_from(list(Trouble)).map(lambda trouble: Unfinished(trouble, "why")),
        st.sampled_from([DOWN, TransferFailed(what="it", why="cut"), KeyError("x")]),
    ),
    max_size=8,
)
faults = st.lists(st.sampled_from([None, DOWN, ReplyLost()]), max_size=12)


class Story:
    """One message, a handler with prepared outcomes that is done in the end, and queues that fail."""

    def __init__(
        self, outcomes: list[Outcome | Exception], dead_letter_faults: list[Fault], **faults: list[Fault]
    ) -> None:
        self.outcomes = [*outcomes]
        self.queue = FaultyQueue("q", **{method: [*lined_up] for method, lined_up in faults.items()})
        self.dead_letters = FaultyQueue("q-dlq", send=[*dead_letter_faults])
        self.seen: list[tuple[Message, Outcome | Exception]] = []

    async def _handle(self, message: Message) -> Outcome:
        outcome = self.outcomes.pop(0) if self.outcomes else Done()
        self.seen.append((message, outcome))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def told(self) -> None:
        await super(FaultyQueue, self.queue).send("the body")
        stop = asyncio.Event()
        consumer = Consumer(self.queue, self._handle, dead_letters=self.dead_letters, now=self.queue.now)
        running = asyncio.create_task(consumer.run(stop))
        while self.queue.held:  # noqa: ASYNC110 # what is waited for has no event
            await asyncio.sleep(60)
        stop.set()
        await running


@settings(max_examples=80)
@given(outcomes=outcomes, receive=faults, send=faults, extend=faults, delete=faults, letters=faults)
def test_a_message_is_done_or_in_the_dead_letters_whatever_fails(
    outcomes: list[Outcome | Exception],
    receive: list[Fault],
    send: list[Fault],
    extend: list[Fault],
    delete: list[Fault],
    letters: list[Fault],
) -> None:
    story = Story(outcomes, letters, receive=receive, send=send, extend=extend, delete=delete)
    run_in_virtual_time(story.told())
    done = any(outcome == Done() for _, outcome in story.seen)
    buried = {letter.body for letter in story.dead_letters.held.values()} == {"the body"}
    assert done or buried
    assert {message.body for message, _ in story.seen} == {"the body"}


@settings(max_examples=50)
@given(outcomes=outcomes)
def test_attempts_are_counted_exactly_when_the_trouble_counts(outcomes: list[Outcome | Exception]) -> None:
    story = Story(outcomes, [])
    run_in_virtual_time(story.told())
    failures = 0
    for message, outcome in story.seen:
        assert message.attempts == failures
        if isinstance(outcome, Exception):
            failures += delivery.trouble_of(outcome).counted
        elif isinstance(outcome, Unfinished):
            failures += outcome.trouble.counted
