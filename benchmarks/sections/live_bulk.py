"""Orchestration: how fast a file goes from peer to peer, by us and by the existing tool."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from figures import Figure, Report, Table
from live_sessions import at_job, session_with
from percentiles import percentile

from sleap_rtc.live.event_loop import run
from sleap_rtc.storage.part_plan import MIB

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.live.peer_session import PeerSession

BAR = 2.0
"""Of the goodput of the existing tool itself."""
DISCIPLINE_BAR = 1.0
_PING_EVERY_S = 0.01
_LOOK_EVERY_S = 0.001


@dataclass(frozen=True)
class Measured:
    """One transfer: MiB/s, and round trips of `ctl` meanwhile in ms."""

    goodput: float
    trips_ms: list[float]


def bulk(folder: Path, size_bytes: int, rounds: int, tool: Callable[[], float] | None) -> Report:
    """Send a file in every way in turn.

    Args:
        folder: for the file.
        size_bytes: its size.
        rounds: how often.
        tool: has the existing tool itself send as much and returns its MiB/s; None where it is not here.
    """
    path = folder / "bulk"
    path.write_bytes(bytes(size_bytes))
    ways: dict[str, Callable[[], Measured]] = {
        "ours": lambda: run(_ours(path, size_bytes)),
        "existing discipline": lambda: asyncio.run(_existing(path, size_bytes)),
    }
    if tool is not None:
        ways["existing tool"] = lambda: Measured(tool(), [])
    found: dict[str, list[Measured]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, measure in ways.items():
            found[way].append(measure())
    return _report(found, size_bytes)


async def _ours(path: Path, size_bytes: int) -> Measured:
    async with at_job(path) as at:
        begun = time.perf_counter()
        reading = asyncio.create_task(at.read(size_bytes))
        trips_ms = await _trips_until(reading, at.session)
        return Measured(size_bytes / MIB / (time.perf_counter() - begun), trips_ms)


async def _existing(path: Path, size_bytes: int) -> Measured:
    async with session_with("existing_discipline.py", str(path)) as (session, _):
        whole, came = asyncio.get_running_loop().create_future(), bytearray()

        def take(message: str | bytes) -> None:
            came.extend(message if isinstance(message, bytes) else b"")
            if len(came) >= size_bytes and not whole.done():
                whole.set_result(time.perf_counter())

        session.bulk.listen(take)
        begun = time.perf_counter()
        session.bulk.send("go")
        trips_ms = await _trips_until(whole, session)
        return Measured(size_bytes / MIB / (whole.result() - begun), trips_ms)


async def _trips_until(end: asyncio.Future[Any], session: PeerSession) -> list[float]:
    """Send one heartbeat after the other until something is done."""
    trips_ms = []

    def is_back() -> bool:
        return session.round_trip_s is not None

    while not end.done():
        begun, session.round_trip_s = time.perf_counter(), None
        session.ctl.send(json.dumps({"v": 1, "op": "ping", "at": asyncio.get_running_loop().time()}))
        while not is_back():  # noqa: ASYNC110 - the session tells nobody
            await asyncio.sleep(_LOOK_EVERY_S)
        trips_ms.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(_PING_EVERY_S)
    return trips_ms


def _report(found: dict[str, list[Measured]], size_bytes: int) -> Report:
    goodput = {way: statistics.median(each.goodput for each in found[way]) for way in found}
    report, rows = Report(), []
    for way, bar in (("existing discipline", DISCIPLINE_BAR), ("existing tool", BAR)):
        if way in found:
            ratio = goodput["ours"] / goodput[way]
            report.figures.append(
                Figure(f"goodput to the {way}'s", goodput["ours"], "MiB/s", way, ratio, bar, ratio >= bar)
            )
    for way, measured in found.items():
        trips_ms = [trip for each in measured for trip in each.trips_ms]
        trips = tuple(percentile(trips_ms, at) for at in (50, 99)) if trips_ms else ("-", "-")
        rows.append(
            (way, goodput[way], min(m.goodput for m in measured), max(m.goodput for m in measured), *trips)
        )
    title = f"{size_bytes // MIB} MiB from peer to peer: MiB/s, and round trips of ctl meanwhile in ms"
    report.tables.append(Table(title, ("", "median", "least", "most", "p50", "p99"), rows))
    return report
