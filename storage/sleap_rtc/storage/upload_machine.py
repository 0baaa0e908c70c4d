"""Pure: the course of one multipart upload. Facts go in, commands come out; it does no I/O.

    facts      signed, part_done, part_failed, url_expired, gave_up
    commands   SignParts, SendPart, Wait, Complete, Fail

URLs are asked for late and in small batches, so that a slow uplink or a laptop that slept does not find
itself with a stack of dead ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.storage.checksum import combine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sleap_rtc.storage.part_plan import Part, PartPlan
    from sleap_rtc.storage.upload_session import SentPart

SIGN_BATCH = 8


@dataclass(frozen=True)
class SignParts:
    """Read these parts, take their CRCs and have URLs signed for them."""

    parts: tuple[Part, ...]


@dataclass(frozen=True)
class SendPart:
    """Send this part to this URL with the CRC that was signed."""

    part: Part
    url: str
    crc: int
    attempt: int


@dataclass(frozen=True)
class Wait:
    """Nothing to start now; ask again when a fact arrives."""


@dataclass(frozen=True)
class Complete:
    """Every part is acknowledged: complete with these and the CRC of the whole file."""

    parts: tuple[SentPart, ...]
    crc: int


@dataclass(frozen=True)
class Fail:
    """The upload cannot go on; what was acknowledged stays acknowledged."""

    why: str


Command = SignParts | SendPart | Wait | Complete | Fail


class UploadMachine:
    """Knows which parts are done, signed, under way or still to do."""

    def __init__(self, plan: PartPlan, done: Iterable[SentPart] = ()) -> None:
        self.plan = plan
        self._done = {part.number: part for part in done}
        self._todo = [part for part in plan.parts() if part.number not in self._done]
        self._todo.reverse()
        self._signing: set[int] = set()
        self._signed: dict[int, tuple[str, int]] = {}
        self._sending: set[int] = set()
        self._attempts: dict[int, int] = {}
        self._failure: str | None = None

    @property
    def acknowledged_bytes(self) -> int:
        """Bytes of the parts that the store acknowledged."""
        return sum(part.length for part in self._done.values())

    def next(self) -> Command:
        """Return what to do now; the caller does it and reports back with a fact."""
        if self._failure is not None:
            return Fail(self._failure)
        if self._signed:
            number = min(self._signed)
            url, crc = self._signed.pop(number)
            self._sending.add(number)
            return SendPart(self.plan.part(number), url, crc, self._attempts.get(number, 0) + 1)
        if self._todo and not self._signing:
            batch = tuple(self._todo[-SIGN_BATCH:][::-1])
            del self._todo[-len(batch) :]
            self._signing = {part.number for part in batch}
            return SignParts(batch)
        if len(self._done) == self.plan.count:
            parts = tuple(self._done[number] for number in sorted(self._done))
            return Complete(parts, combine((part.crc, part.length) for part in parts))
        return Wait()

    def signed(self, urls: Mapping[int, str], crcs: Mapping[int, int]) -> None:
        """URLs arrived for the batch that was asked for."""
        for number in self._signing:
            self._signed[number] = (urls[number], crcs[number])
        self._signing = set()

    def part_done(self, sent: SentPart) -> None:
        """The store acknowledged a part."""
        self._sending.discard(sent.number)
        self._done[sent.number] = sent

    def part_failed(self, number: int, url: str, crc: int) -> None:
        """A part is to be sent again to the same URL."""
        self._sending.discard(number)
        self._attempts[number] = self._attempts.get(number, 0) + 1
        self._signed[number] = (url, crc)

    def url_expired(self, number: int) -> None:
        """A part needs a new URL. Those signed with it are as old, so they are signed again too."""
        self._sending.discard(number)
        self._attempts[number] = self._attempts.get(number, 0) + 1
        stale = [number, *self._signed]
        self._signed.clear()
        self._todo.extend(self.plan.part(n) for n in stale)
        self._todo.sort(key=lambda part: -part.number)

    def gave_up(self, why: str) -> None:
        """A request failed for good; the first reason is kept."""
        self._failure = self._failure or why
