"""Pure: what is told of files on their way, of the cache, of signed URLs, and of a room's log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from sleap_rtc.storage.telling import Fact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleap_rtc.storage.retry import RetryReason
    from sleap_rtc.storage.traffic import Content, Direction, Way

Result = Literal["won", "lost", "ours"]
"""Of a conditional write: it is there, another one is, or it is there after all though no answer came."""


@dataclass(frozen=True)
class TransferTroubled(Fact):
    """What a transfer under way met with since it was last told.

    Attributes:
        direction: of the transfer.
        retries: parts that are tried again, by why.
        outages: how often it held off, since the store or the network was away.
        second_tries_won: late parts that were tried a second time, which arrived first.
        second_tries_lost: those of which the first try arrived after all.
        wasted_bytes: bytes that arrived twice.
    """

    direction: Direction
    retries: Mapping[RetryReason, int] = field(default_factory=dict)
    outages: int = 0
    second_tries_won: int = 0
    second_tries_lost: int = 0
    wasted_bytes: int = 0


@dataclass(frozen=True)
class TransferEnded(Fact):
    """A transfer is over, one way or another; `moved_bytes` is what this run of it brought over."""

    direction: Direction
    way: Way
    content: Content
    outcome: Literal["done", "failed", "cancelled"]
    seconds: float
    moved_bytes: int
    resumed_bytes: int = 0


@dataclass(frozen=True)
class IntegrityFailed(Fact):
    """Bytes were not what they should be; `where` is who saw it."""

    where: Literal["upload", "download", "cache"]


@dataclass(frozen=True)
class CacheLooked(Fact):
    """Somebody looked for a dataset in the cache."""

    hit: bool


@dataclass(frozen=True)
class CacheChanged(Fact):
    """The cache holds so many bytes now, after it let go of so many datasets."""

    size_bytes: int
    evicted: int = 0


@dataclass(frozen=True)
class UrlSigned(Fact):
    """A URL was signed."""

    operation: Literal["UploadPart", "GetObject"]


@dataclass(frozen=True)
class LogWritten(Fact):
    """Somebody tried to write the next entry of a room's log."""

    result: Result


@dataclass(frozen=True)
class RoomChanged(Fact):
    """A change of a room was made, with so many conditional writes of its log."""

    attempts: int
