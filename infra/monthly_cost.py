#!/usr/bin/env python3
"""Pure: what an environment costs a month while nobody uses it, and what a hundred jobs cost.

How many tasks there are and how large they are is read from the Terraform; what nobody can read there stands
in `ASSUMED`, once. Run it, and it prints the tables of docs/production.md.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from sleap_rtc.storage.price_list import DAYS_A_MONTH, GB
from sleap_rtc.storage.price_table import LIST_PRICES
from sleap_rtc.storage.running_prices import RUNNING_PRICES

TERRAFORM = Path(__file__).resolve().parent / "terraform"
ENVIRONMENTS = ("dev", "staging", "prod")
HOURS_A_MONTH = DAYS_A_MONTH * 24
SECONDS_A_MONTH = HOURS_A_MONTH * 3600
JOBS = 100


@dataclass(frozen=True)
class Assumed:
    """What the tables take for granted.

    Attributes:
        zones: in which the balancer has an address.
        alarms: on one metric each.
        insights: custom metrics that Container Insights makes of a cluster, and of each service in it.
        counted: those of S3's requests, 16 of each of two buckets, and two of the log (modules/alarms).
        idle_log_gb: what a task writes in a month in which nothing happens.
        poll_wait_s: of a long poll (setting of the same name).
        polls: queues that each task polls.
        poll_bytes: of a long poll and its empty answer, with TLS, through the NAT gateway.
        dataset_gb: of a job; sent once, kept for a month, fetched once.
        part_gb: of a part of its upload and of a range of its download.
        model_gb: what comes of it, kept, and fetched once by a person.
        job_hours: how long it trains.
        job_writes: objects written and lists made for it besides: record, log, progress, checkpoints, feed.
        job_reads: objects read for it besides.
        job_messages: requests to queues and topic for it besides the polls of idle pollers.
        job_log_gb: what the service writes about it.
    """

    zones: int = 2
    alarms: int = 17
    insights: tuple[int, int] = (8, 11)
    counted: int = 34
    idle_log_gb: float = 0.1
    poll_wait_s: int = 10
    polls: int = 3
    poll_bytes: int = 3000
    dataset_gb: float = 5.0
    part_gb: float = 0.1
    model_gb: float = 0.1
    job_hours: float = 2.0
    job_writes: int = 2000
    job_reads: int = 4000
    job_messages: int = 1000
    job_log_gb: float = 0.01


ASSUMED = Assumed()


@dataclass(frozen=True)
class Size:
    """What the Terraform makes of an environment while nothing happens."""

    tasks: int
    services: int
    vcpu: float
    memory_gb: float


def size_of(environment: str) -> Size:
    """Read how large an environment is."""
    root = (TERRAFORM / "live" / environment / "main.tf").read_text(encoding="utf-8")
    defaults = (TERRAFORM / "modules" / "environment" / "variables.tf").read_text(encoding="utf-8")
    counts = {name: int(_found(rf"\b{name}\s*=\s*(\d+)", root)) for name in ("min_count", "max_count")}
    # With more than one task the signaling has one of its own (modules/service).
    apart = counts["max_count"] > 1
    return Size(
        tasks=counts["min_count"] + apart,
        services=1 + apart,
        vcpu=int(_found(r'variable "cpu" \{.*?default\s*=\s*(\d+)', defaults)) / 1024,
        memory_gb=int(_found(r'variable "memory" \{.*?default\s*=\s*(\d+)', defaults)) / 1024,
    )


def idle(size: Size) -> dict[str, float]:
    """Return what a month costs in which nothing happens, in US dollars, by what it is for."""
    prices, hours = RUNNING_PRICES, HOURS_A_MONTH
    cluster, service = ASSUMED.insights
    polls = size.tasks * ASSUMED.polls * SECONDS_A_MONTH / ASSUMED.poll_wait_s
    task_hour = size.vcpu * prices.vcpu_hour + size.memory_gb * prices.memory_gb_hour
    return {
        f"tasks ({size.vcpu:g} vCPU, {size.memory_gb:g} GB each)": size.tasks * task_hour * hours,
        "load balancer": prices.balancer_hour * hours,
        "NAT gateway": prices.nat_hour * hours + polls * ASSUMED.poll_bytes / GB * prices.nat_gb,
        "public addresses": (ASSUMED.zones + 1) * prices.ipv4_hour * hours,
        "alarms": ASSUMED.alarms * prices.alarm_month,
        "custom metrics": (cluster + size.services * service + ASSUMED.counted) * prices.metric_month,
        "key of the alarms' topic": prices.key_month,
        "logs": size.tasks * ASSUMED.idle_log_gb * prices.log_gb,
        "long polls": polls * LIST_PRICES.sqs,
    }


def jobs(*, outside: bool) -> dict[str, float]:
    """Return what a hundred jobs cost, in US dollars, by what it is for.

    Args:
        outside: the workers are not in the bucket's region, so that each dataset leaves AWS once.
    """
    prices, assumed = LIST_PRICES, ASSUMED
    parts = assumed.dataset_gb / assumed.part_gb
    leaves_gb = assumed.model_gb + (assumed.dataset_gb if outside else 0)
    each = {
        "requests to S3": (parts + assumed.job_writes) * prices.s3_write
        + (parts + assumed.job_reads) * prices.s3_read,
        "datasets, kept for a month": assumed.dataset_gb * prices.s3_gb_month,
        "models, for each month": assumed.model_gb * prices.s3_gb_month,
        "bytes that leave AWS": leaves_gb * prices.egress_gb,
        "queues and topic": assumed.job_messages * prices.sqs,
        "logs": assumed.job_log_gb * RUNNING_PRICES.log_gb,
    }
    return {name: usd * JOBS for name, usd in each.items()}


def idle_table() -> str:
    """Return the first table of docs/production.md."""
    columns = [idle(size_of(environment)) for environment in ENVIRONMENTS]
    head = f"| idle, $ a month | {' | '.join(f'`{name}`' for name in ENVIRONMENTS)} |"
    return _table(head, list(columns[0]), columns)


def jobs_table() -> str:
    """Return the second table of docs/production.md."""
    columns = [jobs(outside=False), jobs(outside=True)]
    head = f"| {JOBS} jobs, $ | workers in the bucket's region | workers elsewhere |"
    return _table(head, list(columns[0]), columns)


def _table(head: str, names: list[str], columns: list[dict[str, float]]) -> str:
    rule = "|---" + "|---:" * len(columns) + "|"
    rows = [f"| {name} | {' | '.join(f'{column[name]:,.2f}' for column in columns)} |" for name in names]
    total = " | ".join(f"**{sum(column.values()):,.2f}**" for column in columns)
    return "\n".join((head, rule, *rows, f"| **in all** | {total} |"))


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.DOTALL)
    if found is None:
        raise ValueError(f"the Terraform has nothing like {pattern}")
    return found[1]


if __name__ == "__main__":
    sys.stdout.write(f"{idle_table()}\n\n{jobs_table()}\n")
