"""What is kept of a run's events for whoever comes late, or back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.events.job_progress import (
    BatchEnded,
    EpochEnded,
    JobEvent,
    LineLogged,
    MachineMeasured,
    StepTaken,
    TransferMoved,
    must_arrive,
)
from sleap_rtc.live import event_log
from sleap_rtc.live.event_log import EventLog

if TYPE_CHECKING:
    import pytest

NOW = datetime(2026, 11, 28, tzinfo=UTC)
MACHINE = MachineMeasured(cpu_percent=5, memory_used_bytes=1, memory_total_bytes=2)
MOVING = TransferMoved(direction="download", name="a.zip", done_bytes=1, total_bytes=2)
ARRIVED = MOVING.model_copy(update={"done_bytes": 2, "state": "done"})
EVENTS: list[JobEvent] = [
    StepTaken(state="training"),
    LineLogged(text="hello"),
    EpochEnded(epoch=1),
    BatchEnded(epoch=1, batch=2),
    MACHINE,
    MOVING,
    ARRIVED,
]


def told(*events: JobEvent) -> EventLog:
    log = EventLog(run=3)
    for event in events:
        log.tell(event, NOW)
    return log


@given(st.lists(st.sampled_from(EVENTS)), st.integers(0, 40))
def test_what_must_arrive_is_told_once_and_in_order_from_wherever_one_left_off(
    events: list[JobEvent], seen: int
) -> None:
    after = [each for each in told(*events).since(seen) if must_arrive(each.event)]
    expected = [(n, each) for n, each in enumerate(events, 1) if n > seen and must_arrive(each)]
    assert [(each.seq, each.event) for each in after] == expected


@given(st.lists(st.sampled_from(EVENTS)), st.integers(0, 40))
def test_of_what_may_be_dropped_the_newest_alone_is_told(events: list[JobEvent], seen: int) -> None:
    stale = [each for each in told(*events).since(seen) if not must_arrive(each.event)]
    assert len({each.event.kind for each in stale}) == len(stale)
    for each in stale:
        assert not any(
            later.kind == each.event.kind for later in events[each.seq :] if not must_arrive(later)
        )


def test_a_transfer_that_arrived_is_not_overtaken_by_an_older_report_of_it() -> None:
    assert [each.event for each in told(MOVING, ARRIVED).since(0)] == [ARRIVED]


def test_who_has_seen_everything_is_told_nothing() -> None:
    log = told(*EVENTS)
    assert log.since(log.newest) == []


def test_memory_is_bounded_and_says_what_it_forgot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "MOST_EVENTS", 3)
    log = told(*(LineLogged(text=str(number)) for number in range(5)))
    assert [each.seq for each in log.since(0)] == [3, 4, 5]
    assert log.oldest_kept == 3


def test_long_lines_make_room_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "MOST_CHARACTERS", 10)
    log = told(StepTaken(state="training"), LineLogged(text="12345678"), LineLogged(text="123"))
    assert [each.seq for each in log.since(0)] == [3]
