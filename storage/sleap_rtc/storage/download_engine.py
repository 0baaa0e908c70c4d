"""Orchestration: one object, read in parallel ranges, verified, and put in place whole or not at all.

Ranges are written in place into a partial file, their length and version checked; what an earlier process
brought of the same object is not fetched again (`partial_file.py`). The file appears at its target once the
combined checksum is the expected one.
"""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from sleap_rtc.storage import retry
from sleap_rtc.storage.checksum import combine, to_text
from sleap_rtc.storage.errors import IntegrityError, ObjectChanged, TransferFailed
from sleap_rtc.storage.http_transfer import connection_pool, get_range
from sleap_rtc.storage.part_plan import Part, PartPlan, plan_parts
from sleap_rtc.storage.partial_file import ObjectFacts, PartialFile
from sleap_rtc.storage.progress import ProgressHook, TransferProgress, no_progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import urllib3


@dataclass(frozen=True)
class RemoteObject:
    """What is to be downloaded: how it is called in messages, and what it must turn out to be.

    `signed_url` is called for a fresh URL whenever one is needed.
    """

    name: str
    size_bytes: int
    etag: str
    checksum: str
    signed_url: Callable[[], str]


def download(
    source: RemoteObject, target: Path, *, threads: int = 4, on_progress: ProgressHook = no_progress
) -> None:
    """Bring an object to `target`, verified.

    Raises:
        DiskFull: there is no room for it; nothing is left behind.
        ObjectChanged: the store holds another version than the one named; nothing is left behind.
        IntegrityError: the bytes do not have the expected checksum; nothing is left behind.
        TransferFailed: the network or the store would not deliver; the next call goes on from what it did.
    """
    plan = plan_parts(source.size_bytes)
    facts = ObjectFacts(source.size_bytes, source.etag, source.checksum)
    with PartialFile(target, facts, plan.part_size_bytes) as partial:
        found = to_text(_Ranges(source, plan, partial, threads, on_progress).run())
        if found != source.checksum:
            raise IntegrityError(what=source.name, expected=source.checksum, found=found)
        partial.publish()


class _Ranges:
    """The ranges of one download and the threads that fetch them."""

    def __init__(
        self,
        source: RemoteObject,
        plan: PartPlan,
        partial: PartialFile,
        threads: int,
        on_progress: ProgressHook,
    ) -> None:
        self._source = source
        self._plan = plan
        self._partial = partial
        self._threads = max(1, min(threads, plan.count))
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._url = source.signed_url()
        self._resumed_bytes = self._done_bytes = sum(plan.part(number).length for number in partial.verified)
        self._error: BaseException | None = None

    def run(self) -> int:
        """Fetch every range and return the CRC of the whole."""
        if self._source.size_bytes == 0:
            return 0
        pool = connection_pool(self._threads)
        parts = self._plan.parts()
        self._report()
        with ThreadPoolExecutor(self._threads, thread_name_prefix="download") as workers:
            crcs = list(workers.map(lambda part: self._fetch_or_stop(pool, part), parts))
        if self._error is not None:
            raise self._error
        return combine((crc, part.length) for crc, part in zip(crcs, parts, strict=True))

    def _fetch_or_stop(self, pool: urllib3.PoolManager, part: Part) -> int:
        """Return a range's CRC; the first failure stops the other ranges and is the one that is told."""
        try:
            known = self._partial.verified.get(part.number)
            return self._fetch(pool, part) if known is None else known
        except BaseException as error:
            with self._lock:
                self._error = self._error or error
            return 0

    def _fetch(self, pool: urllib3.PoolManager, part: Part) -> int:
        attempt = 0
        while self._error is None:
            url = self._url
            outcome = get_range(
                pool, url, self._source.etag, self._partial.path, part, self._source.size_bytes
            )
            if isinstance(outcome, int):
                self._partial.record(part.number, part.length, outcome)
                with self._lock:
                    self._done_bytes += part.length
                    self._report()
                return outcome
            attempt += 1
            if outcome.status == HTTPStatus.PRECONDITION_FAILED:
                raise ObjectChanged(
                    what=self._source.name, expected=f"ETag {self._source.etag}", found="another one"
                )
            self._wait_or_give_up(retry.after(outcome, attempt, random.random()), url)  # noqa: S311
        return 0  # another range failed

    def _wait_or_give_up(self, decision: retry.Decision, used_url: str) -> None:
        match decision:
            case retry.RetryIn(delay_s):
                time.sleep(delay_s)
            case retry.SignAgain():
                with self._lock:
                    if self._url == used_url:
                        self._url = self._source.signed_url()
            case retry.GiveUp(why):
                raise TransferFailed(what=self._source.name, why=why)

    def _report(self) -> None:
        self._on_progress(TransferProgress(self._done_bytes, self._source.size_bytes, self._resumed_bytes))
