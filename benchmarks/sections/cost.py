"""Orchestration: which requests do jobs and idle processes make, and what would AWS ask for them?

A proxy of its own stands between the engine and each role. What clients do over presigned URLs goes through
the service's, since that signs them. Empty receives are idle polling, whenever they happen; the rest of what
is counted while jobs run is theirs. The sweep is left out of the jobs and counted with the idle service.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing import LIST_ALL, LIST_OPEN, PRICES_OF, SECONDS_A_MONTH, Billed, Call, cost_usd, totals
from counting_proxy import CountingProxy
from figures import Figure, Report, Table
from product import Product

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.events.jobs import JobState
from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.settings import Settings
from sleap_rtc.storage.errors import SleapRtcError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ONE_EPOCH = {"trainer_config.max_epochs": "1"}
_FRAMES, _SIZE_PX = 12, 64
_PER = 1_000
# S3 puts a message on a queue for the dataset and one for the model; SQS bills both to the queue's owner.
_NOTICES = Call(Billed.SQS, "S3 notice")
_NOTICES_A_JOB = 2
_POLL_WAIT_S = 1
_SHORT_POLLS = {"SLEAP_RTC_POLL_WAIT_S": str(_POLL_WAIT_S)}
_SWEEP_EVERY_S = 2
_DEEP_SWEEP_EVERY_S = 3600
_CLASSES = (Billed.S3_WRITE, Billed.S3_READ, Billed.S3_FREE, Billed.SQS, Billed.SNS)

Requests = dict[str, Counter[Call]]


@dataclass(frozen=True)
class Proxies:
    """One for the service and one for the worker."""

    service: CountingProxy
    worker: CountingProxy

    @property
    def endpoints(self) -> Mapping[str, str]:
        """Where each process finds its engine."""
        return {"service": self.service.url, "worker": self.worker.url}

    def take(self) -> Requests:
        """Return what each role asked for since the last time."""
        service, client = self.service.take()
        worker, by_url = self.worker.take()
        return {"client": client, "service": service, "worker": worker + by_url}


def cost(engine_url: str, folder: Path, jobs: int, idle_s: float) -> Report:
    """Count what jobs ask for, then what idle processes ask for, and price both."""
    with CountingProxy(engine_url) as service, CountingProxy(engine_url) as worker:
        proxies = Proxies(service, worker)
        asked = _of_jobs(engine_url, folder, proxies, jobs)
        idle = _of_idling(engine_url, folder, proxies, idle_s)
    report = _jobs_report(asked, jobs)
    report.add(_idle_report(idle, idle_s, jobs))
    return report


def _of_jobs(engine_url: str, folder: Path, proxies: Proxies, jobs: int) -> Requests:
    product = Product(folder / "jobs", engine_url, _SHORT_POLLS, proxies.endpoints)
    with product.stack:
        product.open_room()
        product.stack.worker(product.room_id)
        threading.Thread(target=_watch, args=(product,), daemon=True).start()
        _train(product, folder / "first.zip", seed=jobs)  # opens what is opened once
        proxies.take()
        for number in range(jobs):
            _train(product, folder / f"{number}.zip", seed=number)
        time.sleep(_POLL_WAIT_S)  # for what follows on the last job's end
        asked = proxies.take()
    kept = {
        role: Counter({made: times for made, times in calls.items() if not made.brought_nothing})
        for role, calls in asked.items()
    }
    kept["S3's notices"] = Counter({_NOTICES: _NOTICES_A_JOB * jobs})
    return kept


def _train(product: Product, package: Path, seed: int) -> None:
    make_example_package(package, frames=_FRAMES, size=_SIZE_PX, seed=seed)
    ready = product.upload(package.read_bytes(), _ONE_EPOCH)
    product.complete(ready)
    job = product.ended(ready)
    if job.state is not JobState.PUBLISHED or job.model_id is None:
        raise SystemExit(f"job {job.job_id} is {job.state}: {job.failure}")
    product.pull(job.model_id)


def _watch(product: Product) -> None:
    """Follow the room's notifications as a client does that waits for its job."""
    client = ServiceClient(product.stack.service_url, product.stack.client_environment["SLEAP_RTC_TOKEN"])
    try:
        for _ in client.events(product.room_id, ""):
            pass
    except SleapRtcError:
        return  # the service stopped


def _of_idling(engine_url: str, folder: Path, proxies: Proxies, idle_s: float) -> Requests:
    more = {**_SHORT_POLLS, "SLEAP_RTC_RECONCILE_INTERVAL_S": str(_SWEEP_EVERY_S)}
    product = Product(folder / "idle", engine_url, more, proxies.endpoints)
    with product.stack:
        product.open_room()
        product.stack.worker(product.room_id)
        time.sleep(2 * _POLL_WAIT_S)
        proxies.take()
        time.sleep(idle_s)
        return proxies.take()


def _jobs_report(asked: Requests, jobs: int) -> Report:
    per = _PER / jobs
    scaled = {
        role: {billed: number * per for billed, number in totals(calls).items()}
        for role, calls in asked.items()
    }
    whole = cost_usd({billed: sum(role.get(billed, 0) for role in scaled.values()) for billed in Billed})
    rows = [
        (role, *(f"{requests.get(billed, 0):.0f}" for billed in _CLASSES), f"{cost_usd(requests):.4f}")
        for role, requests in scaled.items()
    ]
    table = Table(
        f"requests of {_PER} jobs of one epoch with one client watching, from {jobs} (prices of {PRICES_OF})",
        ("", *_CLASSES, "USD"),
        [*rows, ("all", *("" for _ in _CLASSES), f"{whole:.4f}")],
    )
    return Report([_shown(f"requests of {_PER} jobs", whole)], [table, _actions(asked, jobs)])


def _actions(asked: Requests, jobs: int) -> Table:
    """Say which requests one job makes."""
    rows = [
        (f"{role}: {made.action}", times / jobs)
        for role, calls in asked.items()
        for made, times in calls.most_common()
    ]
    return Table("requests of one job", ("", "REQUESTS"), rows)


def _idle_report(idle: Requests, idle_s: float, jobs: int) -> Report:
    poll_wait_s = Settings.model_fields["poll_wait_s"].default
    sweep_every_s = Settings.model_fields["reconcile_interval_s"].default
    rows, figures = [], []
    for role in ("service", "worker"):
        calls = idle[role]
        polls = sum(times for made, times in calls.items() if made.brought_nothing)
        swept = Counter({made: times for made, times in calls.items() if made.billed is not Billed.SQS})
        sweeps = Counter({made: swept.pop(made) for made in list(swept) if made.action == LIST_OPEN})
        deep_sweeps = sum(times for made, times in swept.items() if made.action == LIST_ALL)
        monthly: Counter[Billed] = Counter()
        for found, times, every_s in (
            (sweeps, sum(sweeps.values()), sweep_every_s),
            (swept, deep_sweeps, _DEEP_SWEEP_EVERY_S),
        ):
            for billed, number in totals(found).items():
                monthly[billed] += round(number / max(times, 1) * SECONDS_A_MONTH / every_s)
        monthly[Billed.SQS] = polls / idle_s * (_POLL_WAIT_S / poll_wait_s) * SECONDS_A_MONTH
        price = cost_usd(monthly)
        rows.append((role, *(f"{monthly.get(billed, 0):,.0f}" for billed in _CLASSES), f"{price:.2f}"))
        figures.append(_shown(f"a month of one idle {role}", price))
    title = (
        f"a month of idling, from {idle_s:.0f} s: polls of {poll_wait_s} s; the service sweeps two rooms "
        f"with {jobs + 1} jobs every {sweep_every_s:.0f} s"
    )
    return Report(figures, [Table(title, ("", *_CLASSES, "USD"), rows)])


def _shown(name: str, value_usd: float) -> Figure:
    return Figure(name, value_usd, "USD", f"list prices of {PRICES_OF}", 1.0, None, holds=True)
