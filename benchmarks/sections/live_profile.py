"""Orchestration: what the processor time of a transfer from peer to peer goes into, at either end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cpu_shares import CpuShares
from figures import Report, Table
from live_sessions import at_job

from sleap_rtc.live.event_loop import run
from sleap_rtc.storage.part_plan import MIB

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Spent:
    """Processor seconds of one end, and the shares of packages in them."""

    cpu_s: float
    shares: dict[str, float]


def profile(folder: Path, size_bytes: int) -> Report:
    """Read a file once, looking on both sides."""
    file = folder / "profiled"
    file.write_bytes(bytes(size_bytes))
    return run(_profile(file, size_bytes))


async def _profile(file: Path, size_bytes: int) -> Report:
    async with at_job(file) as at:
        await at.process.ask("from now on")
        shares, spent_s, begun = CpuShares(), time.process_time(), time.perf_counter()
        shares.start()
        await at.read(size_bytes)
        received = Spent(time.process_time() - spent_s, shares.stop())
        took_s = time.perf_counter() - begun
        sent = Spent(**await at.process.ask("now"))
    return _report(sent, received, size_bytes / MIB, took_s)


def _report(sent: Spent, received: Spent, mib: float, took_s: float) -> Report:
    ms_for_mib = [spent.cpu_s * 1000 / mib for spent in (sent, received)]
    parts = sorted({*sent.shares, *received.shares}, key=lambda part: -sent.shares.get(part, 0.0))
    rows: list[tuple[str, float, float]] = [
        (part, ms_for_mib[0] * sent.shares.get(part, 0.0), ms_for_mib[1] * received.shares.get(part, 0.0))
        for part in parts
    ]
    rows.append(("together", ms_for_mib[0], ms_for_mib[1]))
    title = (
        f"Processor milliseconds for each MiB, at {mib / took_s:.2f} MiB/s. Either end has one processor: "
        f"no more than {1000 / max(ms_for_mib):.2f} MiB/s can go over a session here"
    )
    return Report([], [Table(title, ("", "sender", "receiver"), rows)])
