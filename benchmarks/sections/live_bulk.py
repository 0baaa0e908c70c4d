"""Orchestration: how fast the bulk channel is between two processes, and how long control waits meanwhile."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from figures import Figure, Report, Table
from percentiles import percentile

from sleap_rtc.live.file_reader import AHEAD, FileReader
from sleap_rtc.live.file_requests import What
from sleap_rtc.live.peer_session import PeerSession
from sleap_rtc.storage.part_plan import MIB

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

PEER = Path(__file__).parents[1] / "programs" / "live_peer.py"
CONTROL_BAR_MS = 500.0
"""A command is to be felt within half a second, whatever else is under way."""
GOODPUT_BAR = 0.75
WAYS = ("ours", "existing")
_ANY = What(model_id="00000000", file="best.ckpt")
_IDLE_PINGS = 100
_PING_EVERY_S = 0.01


@dataclass(frozen=True)
class Measured:
    """One session: MiB/s of bulk, and round trips of control in ms."""

    goodput: float
    idle_ms: list[float]
    busy_ms: list[float]


def bulk(folder: Path, size_bytes: int, rounds: int) -> Report:
    """Send a file in both ways in turn."""
    path = folder / "file"
    path.write_bytes(bytes(size_bytes))
    found: dict[str, list[Measured]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            found[way].append(asyncio.run(_measure(way, path, size_bytes)))
    return _report(found, size_bytes)


async def _measure(way: str, path: Path, size_bytes: int) -> Measured:
    async with _session(way, path) as session:
        idle_ms = [await _round_trip_ms(session) for _ in range(_IDLE_PINGS)]
        receive = {"ours": _receive_ours, "existing": _receive_existing}[way]
        begun = time.perf_counter()
        receiving = asyncio.create_task(receive(session, size_bytes))
        busy_ms = []
        while not receiving.done():
            busy_ms.append(await _round_trip_ms(session))
            await asyncio.sleep(_PING_EVERY_S)
        took_s = receiving.result() - begun
        return Measured(size_bytes / MIB / took_s, idle_ms, busy_ms)


async def _receive_ours(session: PeerSession, size_bytes: int) -> float:
    reader, under_way = FileReader(session), set[asyncio.Task[object]]()
    for offset in range(0, size_bytes, MIB):
        length = min(MIB, size_bytes - offset)
        under_way.add(asyncio.create_task(reader.read(_ANY, offset, length, size_bytes)))
        if len(under_way) > AHEAD:
            _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*under_way)
    return time.perf_counter()


async def _receive_existing(session: PeerSession, size_bytes: int) -> float:
    whole, came = asyncio.Event(), bytearray()

    def take(message: str | bytes) -> None:
        came.extend(message if isinstance(message, bytes) else b"")
        if len(came) >= size_bytes:
            whole.set()

    session.bulk.listen(take)
    session.bulk.send("go")
    await whole.wait()
    return time.perf_counter()


async def _round_trip_ms(session: PeerSession) -> float:
    """Send one heartbeat more and wait until it is back."""
    known = session.round_trip_s
    session.ctl.send(json.dumps({"v": 1, "op": "ping", "at": asyncio.get_running_loop().time()}))
    # The session keeps the time itself; no two are the same to the nanosecond.
    while session.round_trip_s == known:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    return (session.round_trip_s or 0.0) * 1000


@asynccontextmanager
async def _session(way: str, path: Path) -> AsyncIterator[PeerSession]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PEER),
        way,
        str(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=MIB,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        session, offer = await PeerSession.offering("benchmark", "peer")
        process.stdin.write(json.dumps(offer).encode() + b"\n")
        await session.answered(json.loads(await process.stdout.readline()))
        await session.opened()
        yield session
        await session.close()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _report(found: dict[str, list[Measured]], size_bytes: int) -> Report:
    goodput = {way: statistics.median(each.goodput for each in found[way]) for way in WAYS}
    report = Report()
    ratio = goodput["ours"] / goodput["existing"]
    report.figures.append(
        Figure("bulk goodput", goodput["ours"], "MiB/s", "existing", ratio, GOODPUT_BAR, ratio >= GOODPUT_BAR)
    )
    pick: dict[str, Callable[[Measured], list[float]]] = {
        "idle": lambda each: each.idle_ms,
        "under bulk": lambda each: each.busy_ms,
    }
    rows: list[tuple[str, float, float, float, float]] = []
    for name, of in pick.items():
        ms = {way: [value for each in found[way] for value in of(each)] for way in WAYS}
        p50 = {way: percentile(ms[way], 50) for way in WAYS}
        p99 = {way: percentile(ms[way], 99) for way in WAYS}
        rows.append((name, p50["ours"], p99["ours"], p50["existing"], p99["existing"]))
        report.figures.append(
            Figure(
                f"ctl round trip {name}, p99",
                p99["ours"],
                "ms",
                "existing",
                p99["ours"] / max(p99["existing"], 0.001),
                CONTROL_BAR_MS,
                p99["ours"] <= CONTROL_BAR_MS,
            )
        )
    title = (
        f"Round trips of ctl in ms; bulk of {size_bytes // MIB} MiB, existing {goodput['existing']:.2f} MiB/s"
    )
    report.tables.append(Table(title, ("", "p50", "p99", "existing p50", "existing p99"), rows))
    return report
