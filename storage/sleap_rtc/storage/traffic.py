"""Pure: what is told about requests and bytes as they go, for metrics and for what they cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Direction = Literal["upload", "download"]
Content = Literal["dataset", "model", "checkpoint", "results", "log"]
Way = Literal["internet", "in_region", "peer", "relay", "shared"]
"""S3 across the internet, S3 from within its region, a peer directly, a peer through a relay, or a folder
that both sides see."""


@dataclass(frozen=True)
class Called:
    """One request to a service of the cloud, a retry as well as a first try.

    Attributes:
        service: which.
        operation: the service's own name for it, such as `UploadPart`.
        outcome: what the answer was; `conflict` is a condition that did not hold (409, 412).
        seconds: until the head of the answer.
    """

    service: Literal["s3", "sqs", "sns"]
    operation: str
    outcome: Literal["ok", "conflict", "missing", "refused", "throttled", "failed"]
    seconds: float


@dataclass(frozen=True)
class Moved:
    """Bytes that arrived: acknowledged by the store, or verified by who fetches them."""

    direction: Direction
    way: Way
    content: Content
    size_bytes: int


TrafficHook = Callable[[Called | Moved], None]
"""Called from any thread; must not block and must not raise."""


def unheard(_: Called | Moved) -> None:
    """Tell nobody."""
