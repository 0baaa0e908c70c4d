"""Orchestration: how soon no byte of a dataset moves any more after a watcher has said so."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from figures import Figure, Report, Table
from link import Behaviour, Link
from live_sessions import at_job
from pacing import Pace
from percentiles import percentile
from s3_load import dataset
from ulid import ULID

from sleap_rtc.events.job_commands import Pause, Resume
from sleap_rtc.live.event_loop import run
from sleap_rtc.storage.part_plan import MIB

if TYPE_CHECKING:
    from pathlib import Path

    from live_sessions import AtJob
    from traffic import Traffic

BAR_MS = 500.0
_BYTES_S = 40e6
_MOVES_MIB = 4
"""What comes between two pauses, at least."""
_QUIET_S = 0.4
_LOOK_EVERY_S = 0.005


def pause(folder: Path, store_url: str, pauses: int) -> Report:
    """Pause a download so many times, over a live session, and let it go on."""
    none = folder / "none"
    none.write_bytes(b"")
    with Link(store_url) as link:
        told = dataset(store_url, link.url, folder / "paused", pauses * 3 * _MOVES_MIB + 64)
        traffic = link.behave(Behaviour(returned=Pace(_BYTES_S)))
        stopped_ms, answered_ms = run(_measure(none, told, traffic, pauses))
    median, worst = percentile(stopped_ms, 50), percentile(stopped_ms, 99)
    name, ratio = "download held, p99", worst / max(median, 0.001)
    report = Report([Figure(name, worst, "ms", "its median", ratio, BAR_MS, worst <= BAR_MS)])
    rows: list[tuple[str | float, ...]] = [
        (what, *(percentile(taken_ms, percent) for percent in (50, 90, 99)))
        for what, taken_ms in (("the last byte", stopped_ms), ("the answer", answered_ms))
    ]
    title = f"Milliseconds from a pause to ..., in a download of {_BYTES_S / 1e6:.0f} MB/s, {pauses} times"
    report.tables.append(Table(title, ("", "p50", "p90", "p99"), rows))
    return report


async def _measure(file: Path, told: str, traffic: Traffic, pauses: int) -> tuple[list[float], list[float]]:
    stopped_ms, answered_ms = [], []
    async with at_job(file, told) as at:
        for _ in range(pauses):
            await _moved(traffic)
            said = time.monotonic()
            answer = await at.job.command(Pause(), str(ULID()))
            answered_ms.append((time.monotonic() - said) * 1000)
            assert answer.outcome == "done", answer.text
            await asyncio.sleep(_QUIET_S)
            last = traffic.returns[-1][0]
            stopped_ms.append(max(last - said, 0.0) * 1000)
            await _go_on(at)
    return stopped_ms, answered_ms


async def _moved(traffic: Traffic) -> None:
    """Wait until it is well under way."""
    begun = len(traffic.returns)
    while sum(size for _, size in traffic.returns[begun:]) < _MOVES_MIB * MIB:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_EVERY_S)


async def _go_on(at: AtJob) -> None:
    answer = await at.job.command(Resume(), str(ULID()))
    assert answer.outcome == "done", answer.text
