"""Pure: from what was told of usage to what a room and its jobs cost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sleap_rtc.events.cost_api import AttemptUsage, Bill, JobCost, PricesView, RoomCosts
from sleap_rtc.events.jobs import JobState
from sleap_rtc.storage.cost import Cost, cost_of, gb_months
from sleap_rtc.storage.relay_alternative import Assumptions, relay_cost
from sleap_rtc.storage.usage import NOTHING, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sleap_rtc.events.cost_api import Told
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.events.usage_reports import UsageReport
    from sleap_rtc.storage.manifest import ManifestModel
    from sleap_rtc.storage.price_list import PriceList
    from sleap_rtc.storage.usage_keys import Account


@dataclass(frozen=True)
class Period:
    """From when until when."""

    since: datetime
    until: datetime

    def overlap(self, begin: datetime, end: datetime | None = None) -> timedelta:
        """Return how much of another period lies in this one; None is one that has not ended."""
        return min(self.until, end or self.until) - max(self.since, begin)


@dataclass(frozen=True)
class RoomFacts:
    """What is known of a room's use.

    Attributes:
        room_id: the room.
        period: of which it is told.
        jobs: of the period, oldest first.
        told: by workers and clients, by job id.
        served: what the service used for the room, by account.
        models: of the room, removed ones among them: their files stay.
        dataset_days: for how long a dataset is kept.
        truncated: whether there are more jobs.
        jobs_alone: whether what belongs to the room is left out.
    """

    room_id: str
    period: Period
    jobs: Sequence[Job]
    told: Mapping[str, Sequence[UsageReport]]
    served: Mapping[Account, Usage]
    models: Sequence[ManifestModel] = ()
    dataset_days: int = 30
    truncated: bool = False
    jobs_alone: bool = False


@dataclass
class _Share:
    """What belongs to a job, or to the room alone."""

    usage: Usage = NOTHING
    stored: float = 0.0
    made_bytes: int = 0
    reports: list[UsageReport] = field(default_factory=list)

    def bill(self, prices: PriceList) -> Bill:
        cost = cost_of(self.usage, prices, self.stored)
        return Bill(usage=self.usage, stored_gb_months=self.stored, cost=cost.by_kind(), total=cost.total)


def room_bill(facts: RoomFacts, prices: PriceList, assumed: Assumptions) -> RoomCosts:
    """Return what the room and its jobs cost, and would have cost over TURN."""
    shares = _shares(facts)
    own = (_Share() if facts.jobs_alone else shares[""]).bill(prices)
    jobs = tuple(_job_cost(job, shares[job.job_id], prices, assumed) for job in facts.jobs)
    every = sum((Cost(**bill.cost) for bill in (own, *(job.bill for job in jobs))), Cost())
    relay = sum(job.relay for job in jobs)
    return RoomCosts(
        room_id=facts.room_id,
        since=facts.period.since,
        until=facts.period.until,
        prices=PricesView(**{each.name: getattr(prices, each.name) for each in fields(prices)}),
        jobs=jobs,
        room=own,
        cost=every.by_kind(),
        total=every.total,
        relay=relay,
        saving=relay - every.total,
        not_told=sum(attempt.told == "not_told" for job in jobs for attempt in job.attempts),
        truncated=facts.truncated,
        assumptions=assumed.words(prices),
    )


def _shares(facts: RoomFacts) -> defaultdict[str, _Share]:
    """Return what belongs to each job, by its id; to the empty one what belongs to none that is shown."""
    shares: defaultdict[str, _Share] = defaultdict(_Share)
    shown = {job.job_id for job in facts.jobs}
    of_upload: dict[str, str] = {}
    for job in facts.jobs:
        if job.dataset.type == "s3":
            # Its own from the first job on: the next one that is for the same dataset keeps nothing more.
            upload_id = upload_of(job)
            if upload_id not in of_upload:
                of_upload[upload_id] = job.job_id
                kept = facts.period.overlap(
                    job.created_at, job.created_at + timedelta(days=facts.dataset_days)
                )
                shares[job.job_id].stored += gb_months(job.dataset.size_bytes, kept)
        shares[job.job_id].made_bytes += sum(file.size_bytes for file in job.results)
    of_model: dict[str, str] = {}
    for model in facts.models:
        job_id = model.training.job_id if model.training.job_id in shown else ""
        of_model[model.id] = job_id
        share = shares[job_id]
        share.stored += gb_months(model.storage.size_bytes, facts.period.overlap(model.training.trained_at))
        share.made_bytes += model.storage.size_bytes
    owners = {"job": {job_id: job_id for job_id in shown}, "upload": of_upload, "model": of_model}
    for account, usage in facts.served.items():
        shares[owners.get(account.kind, {}).get(account.id, "")].usage += usage
    for job_id, reports in facts.told.items():
        for report in reports:
            shares[job_id if job_id in shown else ""].usage += report.usage
            shares[""].usage += report.idle
            shares[job_id].reports.append(report)
    return shares


def upload_of(job: Job) -> str:
    """Return which upload brought a job's dataset."""
    return job.dataset.path.removesuffix("/data").rpartition("/")[2]


def _job_cost(job: Job, share: _Share, prices: PriceList, assumed: Assumptions) -> JobCost:
    bill = share.bill(prices)
    travels = job.dataset.type != "local" and job.attempt > 0
    needed = (job.dataset.size_bytes if travels else 0) + share.made_bytes
    relay = relay_cost(needed, assumed, prices)
    return JobCost(
        job_id=job.job_id,
        created_at=job.created_at,
        state=job.state.value,
        file_name=job.dataset.file_name,
        dataset_bytes=job.dataset.size_bytes,
        made_bytes=share.made_bytes,
        bill=bill,
        attempts=tuple(_attempts(job, share.reports)),
        client_told=any(report.by == "client" for report in share.reports),
        relay=relay,
        saving=relay - bill.total,
    )


def _attempts(job: Job, reports: Iterable[UsageReport]) -> Iterable[AttemptUsage]:
    told = {report.fencing for report in reports if report.by == "worker"}
    for edge in job.history:
        if edge.state is JobState.CLAIMED:
            current = edge.fencing == job.fencing and job.lease is not None and not job.ended
            state: Told = "told" if edge.fencing in told else "under_way" if current else "not_told"
            yield AttemptUsage(attempt=edge.attempt, worker_id=edge.by, told=state)
