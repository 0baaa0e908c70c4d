"""Pure: what is told about requests and bytes as they go, for metrics and for what they cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Literal

from sleap_rtc.storage.telling import Fact

Direction = Literal["upload", "download"]
Content = Literal["dataset", "model", "checkpoint", "results", "log"]
Way = Literal["internet", "in_region", "peer", "relay", "shared"]
"""S3 across the internet, S3 from within its region, a peer directly, a peer through a relay, or a folder
that both sides see."""
Service = Literal["s3", "sqs", "sns"]
Outcome = Literal["ok", "conflict", "missing", "refused", "throttled", "failed"]

# Error codes of S3, SQS and SNS that ask for patience, whatever their status.
_THROTTLED = {"SlowDown", "Throttling", "ThrottlingException", "Throttled", "RequestThrottled"}


@dataclass(frozen=True)
class Called(Fact):
    """One request to a service of the cloud, a retry as well as a first try.

    Attributes:
        service: which.
        operation: the service's own name for it, such as `UploadPart`.
        outcome: what the answer was; `conflict` is a condition that did not hold (409, 412).
        seconds: until the head of the answer.
        about: a key or a prefix of S3, a queue of SQS, a room of SNS; empty where nobody knows. Says whose
            request it is, and is no label of a metric.
    """

    service: Service
    operation: str
    outcome: Outcome
    seconds: float
    about: str = ""


@dataclass(frozen=True)
class Moved(Fact):
    """Bytes that arrived: acknowledged by the store, or verified by who fetches them."""

    direction: Direction
    way: Way
    content: Content
    size_bytes: int


TrafficHook = Callable[[Called | Moved], None]
"""Called from any thread; must not block and must not raise."""


def unheard(_: Called | Moved) -> None:
    """Tell nobody."""


def outcome_of(status: int, code: str = "") -> Outcome:
    """Return what an answer means.

    Args:
        status: of HTTP; 0 where no answer came.
        code: the service's error code.
    """
    if code in _THROTTLED or status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return "throttled"
    if status in {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED}:
        return "conflict"
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return "missing"
    if not status or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "failed"
    return "refused" if status >= HTTPStatus.BAD_REQUEST else "ok"


def both(first: TrafficHook, second: TrafficHook) -> TrafficHook:
    """Return a hook that tells two."""

    def tell(event: Called | Moved) -> None:
        first(event)
        second(event)

    return tell


@dataclass(frozen=True)
class Traffic:
    """Who is told of a transfer, and what is said of its bytes.

    Attributes:
        hook: is told.
        way: on which bytes to S3 and from it go.
        content: what they are.
    """

    hook: TrafficHook = unheard
    way: Way = "internet"
    content: Content = "dataset"

    def of(self, content: Content) -> Traffic:
        """Return the same for other content."""
        return replace(self, content=content)

    def by(self, way: Way) -> Traffic:
        """Return the same for another way."""
        return replace(self, way=way)

    def moved(self, direction: Direction, size_bytes: int) -> None:
        """Tell of bytes that arrived."""
        if size_bytes:
            self.hook(Moved(direction, self.way, self.content, size_bytes))


SILENT = Traffic()
"""Of which nobody is told."""
