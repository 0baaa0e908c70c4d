"""Orchestration: CPU seconds of transfers whose metrics are taken, and of the same while nobody listens."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from figures import Figure, Report, Table, ratio_figure

from sleap_rtc.observability.measuring import Measuring
from sleap_rtc.storage.checksum import crc_of_stream, to_text
from sleap_rtc.storage.download_engine import RemoteObject, download
from sleap_rtc.storage.own_session import OwnSession
from sleap_rtc.storage.part_plan import plan_parts
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore
from sleap_rtc.storage.s3_transfers import S3Transfers
from sleap_rtc.storage.telling import listen, tell
from sleap_rtc.storage.traffic import Traffic
from sleap_rtc.storage.upload_engine import UploadEngine

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sleap_rtc.storage.telling import Fact

BUCKET = "bench"
SHARE_BAR = 2.0
"""Percent of a transfer's CPU that taking what it tells may cost."""
_TOLD = Traffic(hook=tell)
_REPEATS = 200
_PERCENT = 100


@dataclass(frozen=True)
class Transfers:
    """One file, up and down again, as often as is wanted.

    Attributes:
        url: of the store.
        file: what travels.
    """

    url: str
    file: Path

    def upload(self) -> Callable[[], None]:
        """Return what sends the file under a key of its own each time."""
        s3 = s3_client("us-east-1", self.url, tell)
        objects, transfers = S3ObjectStore(s3, BUCKET), S3Transfers(s3, BUCKET)
        with self.file.open("rb") as stream:
            crc, size = crc_of_stream(stream)
        numbers = count()

        def once() -> None:
            session = OwnSession.open(objects, transfers, f"up-{next(numbers)}", size, to_text(crc))
            UploadEngine(self.file, plan_parts(size, 100_000_000), session, threads=4, traffic=_TOLD).run()

        return once

    def download(self) -> Callable[[], None]:
        """Return what fetches the file, which `upload` has brought there."""
        s3 = s3_client("us-east-1", self.url, tell)
        transfers, head = S3Transfers(s3, BUCKET), S3ObjectStore(s3, BUCKET).head("up-0")
        with self.file.open("rb") as stream:
            crc, size = crc_of_stream(stream)
        source = RemoteObject("it", size, head.etag, to_text(crc), lambda: transfers.sign_get("up-0"))
        target = self.file.with_suffix(".back")

        def once() -> None:
            target.unlink(missing_ok=True)
            download(source, target, threads=4, traffic=_TOLD)

        return once


def telling(url: str, file: Path, rounds: int, bar: float | None) -> Report:
    """Compare, round by round; the least of each side counts, in whose way the machine was least."""
    transfers, found = Transfers(url, file), Report()
    for name, make in (("upload", transfers.upload), ("download", transfers.download)):
        once = make()
        once()
        heard: list[Fact] = []
        end = listen(heard.append)
        once()
        end()
        measuring = Measuring("worker")
        measured: list[float] = []
        silent: list[float] = []
        for number in range(rounds):
            if number % 2:
                measured.append(_cpu_s(once, measuring))
            silent.append(_cpu_s(once, nullcontext()))
            if not number % 2:
                measured.append(_cpu_s(once, measuring))
        ours, theirs = min(measured), min(silent)
        found.figures.append(_compared(f"{name} CPU", ours, theirs, bar))
        share = _PERCENT * _cpu_of(heard) / theirs
        told = f"{name}: CPU of what is told, of the transfer's"
        holds = share < SHARE_BAR
        found.figures.append(Figure(told, share, "%", "the transfer", share / _PERCENT, SHARE_BAR, holds))
        title = f"{name} of {file.stat().st_size >> 20} MiB, CPU s, {rounds} rounds, {len(heard)} facts told"
        rows = [
            (side, min(times), max(times)) for side, times in (("measured", measured), ("silent", silent))
        ]
        found.tables.append(Table(title, ("", "LEAST", "MOST"), rows))
    return found


def _compared(name: str, ours: float, theirs: float, bar: float | None) -> Figure:
    if bar is None:
        return Figure(name, ours, "s", "nobody listens", ours / theirs, None, holds=True)
    return ratio_figure(name, ours, "s", "nobody listens", theirs, bar)


def _cpu_s(once: Callable[[], None], listening: AbstractContextManager[object]) -> float:
    with listening:
        began = time.process_time()
        once()
        return time.process_time() - began


def _cpu_of(facts: list[Fact]) -> float:
    """Return how many seconds it takes to count what one transfer told."""
    with Measuring("worker"):
        began = time.process_time()
        for _ in range(_REPEATS):
            for fact in facts:
                tell(fact)
        return (time.process_time() - began) / _REPEATS
