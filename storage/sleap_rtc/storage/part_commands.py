"""Pure: what the part machine says is to be done, and what it counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleap_rtc.storage.part_plan import Part
    from sleap_rtc.storage.retry import RetryReason


class Moved(Protocol):
    """A part that has arrived: its S3 part number and its bytes."""

    @property
    def number(self) -> int:
        """S3 part number, from 1."""

    @property
    def length(self) -> int:
        """Bytes."""


M = TypeVar("M", bound=Moved)


@dataclass(frozen=True)
class Signed:
    """A URL for one part and, on the way up, the CRC64NVME that was signed into it."""

    url: str
    crc: int = 0


@dataclass(frozen=True)
class SignParts:
    """Have URLs signed for these parts; CRCs that were taken before are given again."""

    parts: tuple[Part, ...]
    crcs: Mapping[int, int]


@dataclass(frozen=True)
class MovePart:
    """Move this part. `try_id` tells two tries of one part apart; `careful` asks before it sends."""

    part: Part
    signed: Signed
    try_id: int
    careful: bool = False


@dataclass(frozen=True)
class CutPart:
    """End this try, which is too slow; it fails and is begun again on another connection."""

    try_id: int


@dataclass(frozen=True)
class Wait:
    """Nothing to start now; ask again when a fact arrives, or after so long."""

    at_most_s: float


@dataclass(frozen=True)
class Finish(Generic[M]):
    """Every part has arrived; here they are in order."""

    parts: tuple[M, ...]


@dataclass(frozen=True)
class Fail:
    """The transfer cannot go on; what arrived stays where it is."""

    why: str


@dataclass
class Tally:
    """What a transfer cost beyond its bytes.

    `retries` are parts that were tried again at once; `reasons` say why of those, of parts that were held
    off, and of parts whose URL had died.
    """

    retries: int = 0
    outages: int = 0
    signatures: int = 0
    second_tries: int = 0
    second_tries_won: int = 0
    wasted_bytes: int = 0
    reasons: Counter[RetryReason] = field(default_factory=Counter)

    def copy(self) -> Tally:
        """Return what it is now."""
        return replace(self, reasons=Counter(self.reasons))
