"""Progress for scripts: a line a second, the first and the last in any case."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sleap_rtc.client.display import JsonWatcher, human_duration
from sleap_rtc.client.progress_lines import ProgressLines
from sleap_rtc.storage.errors import TransferFailed
from sleap_rtc.storage.progress import TransferProgress

TOTAL = 100


def told(*steps: tuple[float, int], resumed_bytes: int = 0) -> list[dict[str, Any]]:
    """Return the lines of a transfer given as (time, bytes done)."""
    lines: list[dict[str, Any]] = []
    times = iter([now for now, _ in steps])
    with ProgressLines(lines.append, clock=lambda: next(times)) as hook:
        for _, done in steps:
            hook(TransferProgress(done, TOTAL, resumed_bytes))
    return lines


def done(lines: list[dict[str, Any]]) -> list[int]:
    return [line["done_bytes"] for line in lines]


def test_the_first_and_the_last_are_always_told() -> None:
    assert done(told((0, 0), (0.1, 50), (0.2, TOTAL))) == [0, TOTAL]


def test_between_them_there_is_a_line_a_second() -> None:
    assert done(told(*((step / 10, step) for step in range(36)))) == [0, 10, 20, 30, 35]


def test_what_was_told_is_not_told_again_at_the_end() -> None:
    assert done(told((0, 0), (5, TOTAL))) == [0, TOTAL]


def test_a_transfer_that_tells_nothing_has_no_lines() -> None:
    assert told() == []


def test_a_line_has_the_speed_of_this_run_and_the_time_left() -> None:
    *_, last = told((0, 40), (2, 60), resumed_bytes=40)
    assert last == {
        "done_bytes": 60,
        "total_bytes": TOTAL,
        "resumed_bytes": 40,
        "bytes_per_s": 10,
        "eta_s": 4.0,
        "trouble": None,
    }


def test_trouble_is_told_at_once_and_so_is_its_end() -> None:
    lines: list[dict[str, Any]] = []
    with ProgressLines(lines.append, clock=lambda: 0.0) as hook:
        for trouble in ("", "host: connection refused", "host: connection refused", ""):
            hook(TransferProgress(0, TOTAL, trouble=trouble))
    assert [line["trouble"] for line in lines] == [None, "host: connection refused", None]


def test_a_transfer_that_fails_tells_how_far_it_came() -> None:
    printed: list[str] = []

    def transfer() -> None:
        with JsonWatcher(printed.append).transfer() as hook:
            hook(TransferProgress(0, TOTAL))
            hook(TransferProgress(7, TOTAL))
            raise TransferFailed(what="It", why="it was cut")

    with pytest.raises(TransferFailed):
        transfer()
    lines = [json.loads(line) for line in printed]
    assert [(line["kind"], line["done_bytes"]) for line in lines] == [("progress", 0), ("progress", 7)]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (65, "1:05"), (3661, "1:01:01")])
def test_a_duration_reads_like_a_clock(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text
