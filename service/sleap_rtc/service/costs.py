"""Orchestration: what rooms and their jobs cost, from what was told of their use."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ulid import ULID

from sleap_rtc.events.room_bill import Period, RoomFacts, room_bill
from sleap_rtc.events.usage_reports import (
    MOST_CLIENT_REPORTS,
    ReportUsage,
    UsageImplausible,
    UsageReport,
    check_usage,
)
from sleap_rtc.service.topology import EXPIRE_DATASETS_AFTER_DAYS
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents, DocumentUnreadable
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.usage import NOTHING
from sleap_rtc.storage.usage_keys import (
    Account,
    client_usage_key,
    job_usage_prefix,
    room_usage_key,
    room_usage_prefix,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sleap_rtc.events.cost_api import RoomCosts
    from sleap_rtc.events.job_store import JobStore
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.service.identity import Caller
    from sleap_rtc.service.usage_ledger import UsageLedger
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.price_list import PriceList
    from sleap_rtc.storage.relay_alternative import Assumptions
    from sleap_rtc.storage.rooms_storage import RoomsStorage
    from sleap_rtc.storage.usage import Usage

MOST_JOBS = 500
"""Of one answer: each takes a GET and a LIST, and a GET for each word about it."""
_MOST_PERIODS = 5000
_AT_ONCE = 16


class Costs:
    """The costs of all rooms.

    Args:
        rooms: the rooms bucket.
        jobs: the records in it.
        models: the manifests in it.
        ledger: has what this instance counted and did not keep yet.
        prices: what things cost.
    """

    def __init__(
        self,
        rooms: ObjectStore,
        jobs: JobStore,
        models: RoomsStorage,
        ledger: UsageLedger,
        prices: PriceList,
    ) -> None:
        self._rooms = rooms
        self._jobs = jobs
        self._models = models
        self._ledger = ledger
        self._prices = prices
        self._reports = Documents(rooms, UsageReport)

    def of(self, room_id: str, since: datetime, assumed: Assumptions, job_id: str = "") -> RoomCosts:
        """Return what a room and its jobs cost since then; of one job where it is named.

        Raises:
            NotFound: there is no such job.
        """
        period = Period(since, datetime.now(UTC))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            if job_id:
                jobs, truncated = [self._jobs.get(room_id, job_id)], False
                period = Period(min(since, jobs[0].created_at), period.until)
            else:
                ids = self._ids(room_id, since)
                truncated = len(ids) > MOST_JOBS
                found = pool.map(lambda each: self._job(room_id, each), ids[-MOST_JOBS:])
                jobs = [job for job in found if job is not None and job.created_at >= since]
            told = dict(zip([job.job_id for job in jobs], pool.map(self._told, jobs), strict=True))
            served = self._served(room_id, period, pool)
        facts = RoomFacts(
            room_id=room_id,
            period=period,
            jobs=jobs,
            told=told,
            served=served,
            models=list(self._models.of(room_id).manifest().models.values()),
            dataset_days=EXPIRE_DATASETS_AFTER_DAYS,
            truncated=truncated,
            jobs_alone=bool(job_id),
        )
        return room_bill(facts, self._prices, assumed)

    def tell(self, room_id: str, job_id: str, told: ReportUsage, caller: Caller) -> None:
        """Keep what a client used for a job; the same word again changes nothing.

        Raises:
            NotFound: there is no such job.
            UsageImplausible: it cannot have been, or there are too many such words of the job.
        """
        job = self._jobs.get(room_id, job_id)
        check_usage(told.usage, job.dataset.size_bytes)
        if sum(1 for _ in self._rooms.list(job_usage_prefix(room_id, job_id))) >= MOST_CLIENT_REPORTS:
            raise UsageImplausible(why=f"there are {MOST_CLIENT_REPORTS} words about the job already")
        now = datetime.now(UTC)
        report = UsageReport(by="client", reporter=caller.subject, began=now, ended=now, usage=told.usage)
        self._reports.create(client_usage_key(room_id, job_id, told.report_id), report)

    def _ids(self, room_id: str, since: datetime) -> list[str]:
        """Return the ids of jobs that may be of a period: their ULIDs tell, but for a clock that is wrong."""
        first = str(ULID.from_datetime(since - timedelta(days=1)))
        return [each for each in self._rooms.folders(keys.jobs_prefix(room_id)) if each >= first]

    def _job(self, room_id: str, job_id: str) -> Job | None:
        try:
            return self._jobs.get(room_id, job_id)
        except NotFound:
            return None

    def _told(self, job: Job) -> Sequence[UsageReport]:
        found = self._rooms.list(job_usage_prefix(job.room_id, job.job_id))
        return list(self._read(info.key for info in found))

    def _read(self, found: Iterable[str]) -> Iterable[UsageReport]:
        for key in found:
            try:
                yield self._reports.read(key).value
            except (DocumentUnreadable, NotFound):
                continue

    def _served(self, room_id: str, period: Period, pool: ThreadPoolExecutor) -> Mapping[Account, Usage]:
        sums: defaultdict[Account, Usage] = defaultdict(lambda: NOTHING, self._ledger.of_room(room_id))
        after = room_usage_key(room_id, str(ULID.from_datetime(period.since)))
        listed = [info.key for info in self._rooms.list(room_usage_prefix(room_id), after)][:_MOST_PERIODS]
        for reports in pool.map(lambda key: list(self._read([key])), listed):
            for report in reports:
                sums[Account(room_id)] += report.usage
                for name, usage in report.accounts.items():
                    kind, _, id_ = name.partition(":")
                    sums[_account(room_id, kind, id_)] += usage
        return sums


def _account(room_id: str, kind: str, id_: str) -> Account:
    match kind:
        case "job" | "upload" | "model":
            return Account(room_id, kind, id_)
    return Account(room_id)
