"""Orchestration: how long commands take there and back, and events to whoever watches them."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from figures import Figure, Report, Table
from live_sessions import at_job
from percentiles import percentile
from s3_load import dataset, uploading
from ulid import ULID

from sleap_rtc.events.job_commands import TellTransfer
from sleap_rtc.events.job_progress import must_arrive
from sleap_rtc.live.errors import PeerLost
from sleap_rtc.live.event_loop import run
from sleap_rtc.storage.part_plan import MIB

if TYPE_CHECKING:
    from pathlib import Path

    from live_sessions import AtJob

BAR_MS = 500.0
"""A command is to be felt within half a second, whatever else is under way."""
UPLOADS = 3
"""Processes, while the worker itself downloads, too."""
_DATASET_MIB = 256
_COMMAND_EVERY_S = 0.05
_FILE_MIB = 16


@dataclass
class Measured:
    """Milliseconds: commands there and back, events one way."""

    commands: list[float] = field(default_factory=list)
    events: list[float] = field(default_factory=list)
    batches: list[float] = field(default_factory=list)


def latency(folder: Path, store_url: str, seconds: float) -> Report:
    """Measure so many seconds idle, while a file is read over the same session, and under uploads."""
    file = folder / "file"
    file.write_bytes(bytes(_FILE_MIB * MIB))
    found = {
        "idle": run(_measure(file, seconds)),
        "under bulk": run(_measure(file, seconds, busy=True)),
    }
    told = dataset(store_url, store_url, folder / "dataset", _DATASET_MIB)
    with uploading(folder / "upload", store_url, UPLOADS):
        found["under S3"] = run(_measure(file, seconds, told))
    report = Report()
    rows: list[tuple[str | float, ...]] = []
    for case, measured in found.items():
        for name, values in (("command", measured.commands), ("event", measured.events)):
            median, worst = percentile(values, 50), percentile(values, 99)
            figure = f"{name} {case}, p99"
            ratio = worst / max(median, 0.001)
            report.figures.append(Figure(figure, worst, "ms", "its median", ratio, BAR_MS, worst <= BAR_MS))
        kinds = (measured.commands, measured.events, measured.batches)
        rows.append((case, *(percentile(each, at) for each in kinds for at in (50, 99))))
    header = ("", "command p50", "p99", "event p50", "p99", "dropped if late p50", "p99")
    report.tables.append(Table("Milliseconds: commands there and back, events one way", header, rows))
    return report


async def _measure(file: Path, seconds: float, *download: str, busy: bool = False) -> Measured:
    async with at_job(file, *download) as at:
        found = Measured()
        beside = [asyncio.create_task(_collect(at, found))]
        if busy:
            beside.append(asyncio.create_task(_keep_reading(at)))
            await asyncio.sleep(_COMMAND_EVERY_S)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            begun = time.perf_counter()
            await at.job.command(TellTransfer(), str(ULID()))
            found.commands.append((time.perf_counter() - begun) * 1000)
            await asyncio.sleep(_COMMAND_EVERY_S)
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        return found


async def _collect(at: AtJob, found: Measured) -> None:
    begun = time.time()
    with suppress(PeerLost):
        while True:
            told = await at.job.next()
            late_ms = (time.time() - told.at.timestamp()) * 1000
            if told.at.timestamp() >= begun:
                (found.events if must_arrive(told.event) else found.batches).append(late_ms)


async def _keep_reading(at: AtJob) -> None:
    while True:
        await at.read(_FILE_MIB * MIB)
