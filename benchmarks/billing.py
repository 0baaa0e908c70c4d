"""Pure: which class of the price list a request belongs to, and what requests cost."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from sleap_rtc.storage.price_list import DAYS_A_MONTH
from sleap_rtc.storage.price_table import LIST_PRICES

if TYPE_CHECKING:
    from collections.abc import Mapping

PRICES_OF = LIST_PRICES.as_of
PAYLOAD_BYTES = 64 * 1024
"""What one request of SQS or SNS carries; a larger payload counts as several."""
LIST_OPEN = "ListObjects of what has not ended"
"""What every sweep of the service begins with."""
LIST_ALL = "ListObjects of a whole bucket"
"""What every deep sweep begins with."""
SECONDS_A_MONTH = DAYS_A_MONTH * 86_400


class Billed(StrEnum):
    """The classes of requests that the price list knows."""

    S3_WRITE = "S3 PUT, COPY, POST, LIST"
    S3_READ = "S3 GET, HEAD"
    S3_FREE = "S3 DELETE, abort"
    SQS = "SQS"
    SNS = "SNS publish"
    SNS_FREE = "SNS, other"


PRICE_USD = {
    Billed.S3_WRITE: LIST_PRICES.s3_write,
    Billed.S3_READ: LIST_PRICES.s3_read,
    Billed.S3_FREE: 0.0,
    Billed.SQS: LIST_PRICES.sqs,
    Billed.SNS: LIST_PRICES.sns,
    Billed.SNS_FREE: 0.0,
}


@dataclass(frozen=True)
class Call:
    """One request as a proxy saw it: its class, what it did, and how many requests it counts as."""

    billed: Billed
    action: str
    count: int = 1
    brought_nothing: bool = False
    """A ReceiveMessage without a message: what idle pollers pay for."""


def call(method: str, target: str, headers: Mapping[str, str], body: bytes, reply: bytes) -> Call:
    """Tell what a request is: SQS by `X-Amz-Target`, SNS by its form, S3 by method and query.

    Args:
        method: of HTTP.
        target: path and query.
        headers: by lower-case name.
        body: of the request.
        reply: the body of the answer; what a receive brings counts by its size, too.
    """
    service, _, action = headers.get("x-amz-target", "").partition(".")
    if service == "AmazonSQS":
        return _sqs(action, max(len(body), len(reply)), empty=b'"Messages"' not in reply)
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = parse_qs(body.decode("utf-8", "replace"))
        return _sns(form.get("Action", [""])[0], len(body))
    return _s3(method, target)


def _sqs(action: str, size_bytes: int, *, empty: bool) -> Call:
    return Call(Billed.SQS, action, _payloads(size_bytes), action == "ReceiveMessage" and empty)


def _sns(action: str, size_bytes: int) -> Call:
    if action != "Publish":
        return Call(Billed.SNS_FREE, action)
    return Call(Billed.SNS, action, _payloads(size_bytes))


def _s3(method: str, target: str) -> Call:
    url = urlsplit(target)
    query = parse_qs(url.query, keep_blank_values=True)
    key = url.path.strip("/").partition("/")[2]
    if method == "DELETE":
        return Call(Billed.S3_FREE, "AbortMultipartUpload" if "uploadId" in query else "DeleteObject")
    if method == "HEAD":
        return Call(Billed.S3_READ, "HeadObject" if key else "HeadBucket")
    if method == "GET" and key and "uploadId" not in query:
        return Call(Billed.S3_READ, "GetObject")
    if method == "GET":
        listed = {"": LIST_ALL, ".open/": LIST_OPEN}.get(query.get("prefix", [""])[0], "ListObjects")
        return Call(Billed.S3_WRITE, "ListParts" if "uploadId" in query else listed)
    if method == "POST":
        action = "CreateMultipartUpload" if "uploads" in query else "CompleteMultipartUpload"
        return Call(Billed.S3_WRITE, action)
    return Call(Billed.S3_WRITE, "UploadPart" if "partNumber" in query else "PutObject")


def _payloads(size_bytes: int) -> int:
    return max(1, math.ceil(size_bytes / PAYLOAD_BYTES))


def totals(calls: Counter[Call]) -> Counter[Billed]:
    """Return how many requests of each class these calls count as."""
    sums: Counter[Billed] = Counter()
    for made, times in calls.items():
        sums[made.billed] += made.count * times
    return sums


def cost_usd(requests: Mapping[Billed, float]) -> float:
    """Return what these requests cost in US dollars."""
    return sum(PRICE_USD[billed] * number for billed, number in requests.items())
