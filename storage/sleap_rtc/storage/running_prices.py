"""Pure: what an environment on AWS costs by the hour and the month, beside what is billed for each transfer.

List prices in US dollars, without free tiers, of us-east-1:
https://aws.amazon.com/fargate/pricing (Linux on x86), https://aws.amazon.com/elasticloadbalancing/pricing
(application load balancer), https://aws.amazon.com/vpc/pricing (NAT gateway, public IPv4 addresses),
https://aws.amazon.com/cloudwatch/pricing (standard alarms, custom metrics of the first tier, logs),
https://aws.amazon.com/kms/pricing.

A balancer's capacity unit is left out: as long as fewer than 25 connections a second are made and a gigabyte
an hour goes through it, as here, where the bytes of transfers never do, it is a fraction of one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunningPrices:
    """Prices in US dollars.

    Attributes:
        as_of: the day for which they hold.
        place: where.
        vcpu_hour: a processor of Fargate for an hour.
        memory_gb_hour: a gigabyte of its memory for an hour.
        balancer_hour: a load balancer for an hour.
        nat_hour: a NAT gateway for an hour.
        nat_gb: a gigabyte through it.
        ipv4_hour: a public address for an hour.
        alarm_month: an alarm on one metric for a month.
        metric_month: a custom metric for a month.
        log_gb: a gigabyte of logs that is taken in.
        key_month: a key of one's own in KMS for a month.
    """

    as_of: str
    place: str
    vcpu_hour: float
    memory_gb_hour: float
    balancer_hour: float
    nat_hour: float
    nat_gb: float
    ipv4_hour: float
    alarm_month: float
    metric_month: float
    log_gb: float
    key_month: float


RUNNING_PRICES = RunningPrices(
    as_of="2026-11-01",
    place="us-east-1",
    vcpu_hour=0.04048,
    memory_gb_hour=0.004445,
    balancer_hour=0.0225,
    nat_hour=0.045,
    nat_gb=0.045,
    ipv4_hour=0.005,
    alarm_month=0.10,
    metric_month=0.30,
    log_gb=0.50,
    key_month=1.0,
)
