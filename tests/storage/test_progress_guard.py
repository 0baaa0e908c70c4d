"""The guard: a hook cannot end a transfer, and a transfer cannot take back what it told a hook."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from sleap_rtc.storage.progress import TransferProgress
from sleap_rtc.storage.progress_guard import GuardedHook

if TYPE_CHECKING:
    import pytest


def test_what_a_hook_raises_ends_nothing_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    told = []

    def hook(progress: TransferProgress) -> None:
        told.append(progress.done_bytes)
        raise OSError("the pipe is closed")

    guarded = GuardedHook(hook)
    with caplog.at_level(logging.WARNING):
        for done in (0, 1, 2):
            guarded(TransferProgress(done, 2))
    assert told == [0, 1, 2]
    assert len(caplog.records) == 1


def test_done_bytes_never_fall() -> None:
    told: list[int] = []
    guarded = GuardedHook(lambda progress: told.append(progress.done_bytes))
    for done in (0, 2, 1, 2, 3):
        guarded(TransferProgress(done, 3))
    assert told == [0, 2, 2, 3]


def test_threads_that_report_at_once_are_told_in_order_and_to_the_end() -> None:
    told: list[int] = []
    guarded = GuardedHook(lambda progress: told.append(progress.done_bytes))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda done: guarded(TransferProgress(done, 1000)), range(1001)))
    assert told == sorted(told)
    assert told[-1] == 1000
