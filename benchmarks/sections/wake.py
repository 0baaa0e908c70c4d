"""Orchestration: how long from CompleteMultipartUpload to the start of the job?

The dataset of every job is refused as soon as it was claimed and read (it is not a package), so no job waits
for the training of an earlier one.
"""

from __future__ import annotations

import random
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from figures import Figure, Report, Table
from hop import hops_s
from percentiles import percentile
from product import Product, random_bytes

from sleap_rtc.events.jobs import JobState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from product import Ready

    from sleap_rtc.events.jobs import Job

P50_BAR_MS = 150.0
P99_BAR_MS = 1_000.0
_DATASET_BYTES = 4096
_WORKERS = 2
_HOPS = 10
# Makes for a quick end; more gaps between polls than in production, so nothing is flattered.
_SHORT_POLLS = {"SLEAP_RTC_POLL_WAIT_S": "1"}
# A worker that finds the job not ready yet shows its message again after a second.
_SECOND_TRY_S = 0.9
_STEPS = (JobState.UPLOADED, JobState.QUEUED, JobState.CLAIMED)


@dataclass(frozen=True)
class Wake:
    """When each step of one job came after its completion was asked for, in seconds."""

    steps_s: tuple[float, ...]

    @property
    def total_s(self) -> float:
        """From the request to the claim."""
        return self.steps_s[-1]

    @property
    def parts_s(self) -> tuple[float, ...]:
        """Each step after the one before it."""
        before = (0.0, *self.steps_s[:-1])
        return tuple(step - earlier for step, earlier in zip(self.steps_s, before, strict=True))


def wake(engine: str, engine_url: str, folder: Path, jobs: int, pause_s: float) -> Report:
    """Complete uploads in both ways, in turn, at random intervals.

    Args:
        engine: its name.
        engine_url: its address.
        folder: where the stack lies.
        jobs: how many for each way.
        pause_s: the longest pause between two jobs.
    """
    product = Product(folder, engine_url, _SHORT_POLLS)
    with product.stack:
        product.open_room()
        for number in range(_WORKERS):
            product.stack.worker(product.room_id, name=f"worker-{number}")
        ways = {"the whole product": product.complete, "S3's notice alone": product.complete_at_s3}
        for complete in ways.values():  # the first of each opens connections
            _woken(product, complete)
        found: dict[str, list[Wake]] = {name: [] for name in ways}
        for _ in range(jobs):
            for name, complete in ways.items():
                found[name].append(_woken(product, complete))
                time.sleep(random.uniform(0.1, pause_s))
    hop_s = statistics.median(hops_s(engine_url, _HOPS))
    report = Report()
    for name, wakes in found.items():
        report.add(_told(f"wake, {engine}, {name}", wakes, judged=engine == "ministack"))
    report.tables.append(_table(engine, found, hop_s))
    return report


def _woken(product: Product, complete: Callable[[Ready], datetime]) -> Wake:
    ready = product.upload(random_bytes(_DATASET_BYTES))
    begun = complete(ready)
    return _wake_of(product.ended(ready), begun)


def _wake_of(job: Job, begun: datetime) -> Wake:
    at = {edge.state: edge.at for edge in reversed(job.history)}  # the first of each state counts
    return Wake(tuple((at[state] - begun).total_seconds() for state in _STEPS))


def _told(name: str, wakes: list[Wake], *, judged: bool) -> Report:
    totals = [wake.total_s * 1_000 for wake in wakes]
    figures = []
    for percent, bar_ms in ((50, P50_BAR_MS), (99, P99_BAR_MS)):
        value = percentile(totals, percent)
        bar = bar_ms if judged else None
        holds = not judged or value < bar_ms
        peer = f"{bar_ms:.0f} ms on MiniStack"
        figures.append(Figure(f"{name}: p{percent}", value, "ms", peer, value / bar_ms, bar, holds))
    return Report(figures)


def _table(engine: str, found: dict[str, list[Wake]], hop_s: float) -> Table:
    rows: list[tuple[str | float, ...]] = []
    for name, wakes in found.items():
        parts = list(zip(*(wake.parts_s for wake in wakes), strict=True))
        totals = [wake.total_s for wake in wakes]
        again = sum(wake.parts_s[-1] >= _SECOND_TRY_S for wake in wakes)
        spread = [percentile(totals, percent) for percent in (50, 90, 99, 100)]
        rows.append(
            (
                name,
                *(_ms(statistics.median(part)) for part in parts),
                *(_ms(value) for value in spread),
                again,
            )
        )
    header = ("", "TO UPLOADED", "TO QUEUED", "TO CLAIMED", "P50", "P90", "P99", "MAX", "SECOND TRY")
    count = len(next(iter(found.values())))
    title = (
        f"wake on {engine}: {count} jobs each way; medians of the steps, then all of it, in ms; "
        f"two of the steps wait for a message, which {engine} alone brings in {_ms(hop_s)} ms (median)"
    )
    return Table(title, header, rows)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"
