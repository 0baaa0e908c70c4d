"""A job's log: what it costs, and that nothing of it is late for whoever looks at the end."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sleap_rtc.storage.errors import Unreachable
from sleap_rtc.worker.job_log import JobLog, segment_every_s

HOUR_S = 3600.0
HOLD = cast("Any", SimpleNamespace(fencing=2, job_id="job"))


class Desk:
    """Keeps segments, unless it is down."""

    def __init__(self) -> None:
        self.segments: dict[int, str] = {}
        self.down = False

    def write_log(self, _: object, number: int, text: str) -> None:
        if self.down:
            raise Unreachable(where="the store", why="down")
        self.segments[number] = text


@pytest.fixture
def desk() -> Desk:
    return Desk()


def segments(hours: float) -> int:
    """Return how many segments a log takes that talks all the time."""
    at, count = 0.0, 0
    while (at := at + segment_every_s(at)) <= hours * HOUR_S:
        count += 1
    return count


def test_a_log_that_talks_all_the_time_takes_few_segments() -> None:
    assert segments(1) < 420
    assert segments(24) - segments(23) == 240


def test_lines_come_ever_later_and_never_later_than_a_quarter_of_a_minute() -> None:
    waits = [segment_every_s(age) for age in range(0, 2000, 10)]
    assert waits[0] == 1
    assert waits[-1] == 15
    assert all(after >= before for before, after in pairwise(waits))


def test_what_is_left_is_written_at_the_end(desk: Desk) -> None:
    with JobLog(cast("Any", desk), HOLD) as log:
        log.line("one")
        log.line("two")
    assert [text.split()[1::2] for text in desk.segments.values()] == [["one", "two"]]
    assert min(desk.segments) > 2 * 100_000


def test_a_store_that_is_away_costs_lines_and_not_the_job(desk: Desk) -> None:
    with JobLog(cast("Any", desk), HOLD) as log:
        desk.down = True
        log.line("lost")
        log.flush()
        desk.down = False
        log.line("kept")
    assert "kept" in "".join(desk.segments.values())
    assert "lost" not in "".join(desk.segments.values())
