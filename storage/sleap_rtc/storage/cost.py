"""Pure: what usage costs at the prices of a list: usage x prices, by kind.

    requests     PUT, COPY, POST, LIST of S3    x s3_write        DELETE and abort are free
                 GET, HEAD and all else of S3   x s3_read
                 every request of SQS           x sqs             a long poll and a batch are one each
                 Publish of SNS                 x sns             all else of SNS is free
    bytes        from S3 across the internet    x egress_gb       in the region, and up to S3, free
                 through a relay, either way    x relay_gb        peer to peer and a shared folder, free
    storage      gigabyte-months                x s3_gb_month

Every request counts that was sent, also one that was throttled and that AWS may not bill.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

from sleap_rtc.storage.price_list import DAYS_A_MONTH, GB

if TYPE_CHECKING:
    from datetime import timedelta

    from sleap_rtc.storage.price_list import PriceList
    from sleap_rtc.storage.usage import Usage

_S3_FREE = {"DeleteObject", "DeleteObjects", "AbortMultipartUpload"}
_S3_WRITES = ("Put", "Copy", "Create", "UploadPart", "Complete", "List")


@dataclass(frozen=True)
class Cost:
    """What something costs by kind, in the currency of the price list."""

    s3_write: float = 0.0
    s3_read: float = 0.0
    storage: float = 0.0
    egress: float = 0.0
    sqs: float = 0.0
    sns: float = 0.0
    relay: float = 0.0

    @property
    def total(self) -> float:
        """All kinds together."""
        return float(sum(astuple(self)))

    def __add__(self, other: Cost) -> Cost:
        """Return both together."""
        return Cost(*(one + another for one, another in zip(astuple(self), astuple(other), strict=True)))

    def by_kind(self) -> dict[str, float]:
        """Return every kind by its name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def price_class(kind: str) -> str:
    """Return which kind of cost a request, such as `s3.UploadPart`, is of; empty if it is free."""
    service, _, operation = kind.partition(".")
    if service == "s3":
        if operation in _S3_FREE:
            return ""
        return "s3_write" if operation.startswith(_S3_WRITES) else "s3_read"
    if service == "sqs":
        return "sqs"
    return "sns" if kind == "sns.Publish" else ""


def byte_class(kind: str) -> str:
    """Return which kind of cost bytes, such as `download.internet.model`, are of; empty if they are free."""
    direction, way = (*kind.split("."), "", "")[:2]
    if way == "relay":
        return "relay"
    return "egress" if (direction, way) == ("download", "internet") else ""


def unit_price(name: str, prices: PriceList) -> float:
    """Return what one request, or one byte, of a kind of cost is; 0 for the empty name."""
    of_kind = {
        "s3_write": prices.s3_write,
        "s3_read": prices.s3_read,
        "sqs": prices.sqs,
        "sns": prices.sns,
        "egress": prices.egress_gb / GB,
        "relay": prices.relay_gb / GB,
    }
    return of_kind.get(name, 0.0)


def cost_of(usage: Usage, prices: PriceList, stored_gb_months: float = 0.0) -> Cost:
    """Return what usage costs, and what is kept meanwhile."""
    costs: dict[str, float] = {}
    for classes, counts in ((price_class, usage.requests), (byte_class, usage.bytes)):
        for kind, count in counts.items():
            if name := classes(kind):
                costs[name] = costs.get(name, 0.0) + count * unit_price(name, prices)
    return Cost(**costs, storage=stored_gb_months * prices.s3_gb_month)


def gb_months(size_bytes: int, kept: timedelta) -> float:
    """Return how much is kept for how long."""
    return size_bytes / GB * max(0.0, kept.total_seconds()) / 86_400 / DAYS_A_MONTH
