"""What is written on a message: our notes on it, and the letter when it is given up."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.events.bookkeeping import Bookkeeping
from sleap_rtc.events.dead_letter import MOST_REASON_CHARACTERS, DeadLetter, attribute_text, letter_of
from sleap_rtc.events.queue import Message

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
TAKEN_BY_SQS = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
texts = st.text()


@given(
    attempts=st.integers(0, 10**6),
    done=st.frozensets(texts),
    not_before=st.none() | st.datetimes(timezones=st.just(UTC)),
    traceparent=st.text(),
)
def test_notes_are_read_as_they_were_written(
    attempts: int, done: frozenset[str], not_before: datetime | None, traceparent: str
) -> None:
    noted = Bookkeeping(attempts, done, not_before, traceparent)
    assert Bookkeeping.read(noted.attributes()) == noted


@given(attributes=st.dictionaries(st.sampled_from(["attempts", "done", "not_before"]), texts))
def test_what_somebody_else_wrote_in_their_place_is_harmless(attributes: dict[str, str]) -> None:
    assert Bookkeeping.read(attributes).attempts >= 0


@given(done=st.frozensets(st.text(st.characters(), min_size=1), min_size=1))
def test_records_with_any_name_are_noted_in_what_sqs_takes(done: frozenset[str]) -> None:
    assert TAKEN_BY_SQS.fullmatch(Bookkeeping(done=done).attributes()["done"])


@given(reason=texts, instance=texts, traceparent=texts)
def test_a_letter_has_no_more_attributes_than_sqs_takes_and_none_that_it_refuses(
    reason: str, instance: str, traceparent: str
) -> None:
    letter = DeadLetter("refused", reason, 1, 2, "q", "m", NOON, NOON, instance, traceparent)
    attributes = letter.attributes()
    assert len(attributes) <= 10
    assert all(TAKEN_BY_SQS.fullmatch(value) for value in attributes.values())


@given(text=st.text(max_size=3000))
def test_a_reason_is_one_line_of_a_bounded_length(text: str) -> None:
    written = attribute_text(text)
    assert len(written) <= MOST_REASON_CHARACTERS
    assert "\n" not in written


def test_a_letter_is_read_as_it_was_written() -> None:
    letter = letter_of(
        Message("m1", "body", "handle", 7, traceparent="00-a-b-01", sent_at=NOON),
        "refused",
        "a stale worker made it",
        queue="jobs",
        attempts=3,
        now=NOON,
        instance="w1",
    )
    assert DeadLetter.read(letter.attributes()) == letter


def test_a_letter_put_back_by_another_tool_starts_with_no_failures() -> None:
    letter = DeadLetter("gave_up", "why", 5, 9, "q", "m", NOON, NOON, traceparent="00-a-b-01")
    assert Bookkeeping.read(letter.attributes()) == Bookkeeping(traceparent="00-a-b-01")


def test_a_message_that_sqs_moved_is_no_letter_of_ours() -> None:
    assert DeadLetter.read({"attempts": "3"}) is None
    assert (
        DeadLetter.read(
            {**DeadLetter("c", "r", 1, 1, "q", "m", None, NOON).attributes(), "failed_attempts": "x"}
        )
        is None
    )
