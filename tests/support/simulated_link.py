"""A link, and the store behind it, in virtual time: part machines run through it without a second of waiting.

Bytes flow as in a fluid: every connection gets what its own limit and its share of the link allow, no two
being alike. A try begins with a round trip. The store refuses what it cannot take, and a body that nobody
asked for flows until the refusal has arrived.
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sleap_rtc.storage.part_commands import CutPart, Fail, Finish, MovePart, Signed, SignParts, Wait
from sleap_rtc.storage.retry import Failure
from sleap_rtc.storage.upload_session import SentPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleap_rtc.storage.part_machine import PartMachine

    Machine = PartMachine[SentPart]

MB = 1_000_000.0
_REFUSED = Failure(503, "HTTP 503 SlowDown: Please reduce your request rate.")
_CUT = Failure(0, "the connection was cut")
_ALL_BUT_BYTES = 1e-3


@dataclass(frozen=True)
class Link:
    """What is between a file and its store.

    Attributes:
        per_connection: bytes per second of one connection.
        shared: bytes per second of all of them.
        round_trip_s: passes before a body flows, and before a refusal is heard.
        at_once: so many parts the store takes at a time; the others are refused with 503.
        outage: from and until when it refuses everything new.
        outage_cuts: whether what is under way then is cut, too.
    """

    per_connection: float = math.inf
    shared: float = math.inf
    round_trip_s: float = 0.1
    at_once: float = math.inf
    outage: tuple[float, float] = (math.inf, math.inf)
    outage_cuts: bool = False


@dataclass
class _Flow:
    machine: Machine
    move: MovePart
    flows_at: float
    left: float
    share: float
    fails_at: float = math.inf
    failure: Failure = _CUT

    @property
    def refused(self) -> bool:
        return self.failure is _REFUSED

    def has_ended(self, now: float) -> bool:
        return self.fails_at <= now or (self.left <= _ALL_BUT_BYTES and not self.refused)


@dataclass
class Simulation:
    """Machines that send over one link.

    Attributes:
        now: virtual seconds since the beginning.
        offered_bytes: what went into the link, wanted or not.
        requests: bodies and questions whether one is wanted.
        refused: those that the store would not take.
        carried: moments, and the bytes of wanted bodies that had flowed by then.
    """

    link: Link
    machines: Sequence[Machine]
    now: float = 0.0
    offered_bytes: float = 0.0
    requests: int = 0
    refused: int = 0
    carried: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 0.0)])
    _flows: list[_Flow] = field(default_factory=list)
    _luck: random.Random = field(default_factory=lambda: random.Random(7))

    def run(self) -> float:
        """Run until every machine has finished, and return how many seconds that took."""
        wakes = dict.fromkeys(range(len(self.machines)), 0.0)
        moved = dict.fromkeys(map(id, self.machines), 0.0)
        while True:
            for place in [place for place, at in wakes.items() if at <= self.now]:
                machine = self.machines[place]
                machine.moved(int(moved[id(machine)]), self.now)
                until_s = self._ask(machine)
                if until_s is None:
                    del wakes[place]
                else:
                    wakes[place] = self.now + until_s
            if not wakes:
                return self.now
            rate = self._rate()
            end = min([*wakes.values(), *(self._changes_at(flow, rate) for flow in self._flows)])
            self._flow(max(end, self.now), rate, moved)
            for machine in self._settle():
                place = next(place for place, each in enumerate(self.machines) if each is machine)
                if place in wakes:
                    wakes[place] = self.now

    def goodput(self, since: float, until: float) -> float:
        """Return the bytes of wanted bodies per second between two moments."""
        first, last = (
            self.carried[bisect(self.carried, (moment, math.inf)) - 1] for moment in (since, until)
        )
        return (last[1] - first[1]) / (last[0] - first[0])

    def _ask(self, machine: Machine) -> float | None:
        while True:
            match machine.next(self.now):
                case SignParts(parts):
                    machine.signed({part.number: Signed("url") for part in parts})
                case MovePart() as move:
                    self._begin(machine, move)
                case CutPart():
                    raise AssertionError("an upload is never cut")
                case Wait(at_most_s):
                    return at_most_s
                case Finish():
                    self._flows = [flow for flow in self._flows if flow.machine is not machine]
                    return None
                case Fail(why):
                    raise AssertionError(why)

    def _begin(self, machine: Machine, move: MovePart) -> None:
        link = self.link
        begins, ends = link.outage
        away = begins <= self.now < ends
        taken = sum(not flow.refused for flow in self._flows)
        arrives = self.now + link.round_trip_s
        flow = _Flow(machine, move, arrives, float(move.part.length), self._luck.uniform(0.8, 1.2))
        self.requests += 1
        if away or taken >= link.at_once:
            self.refused += 1
            flow.flows_at = math.inf if move.careful else self.now
            flow.fails_at, flow.failure = arrives, _REFUSED
        else:
            flow.flows_at += link.round_trip_s * move.careful
            if link.outage_cuts and self.now < begins:
                flow.fails_at = begins
        self._flows.append(flow)

    def _rate(self) -> float:
        """Return the bytes per second of a connection of which `share` is 1."""
        shares = sum(flow.share for flow in self._flows if flow.flows_at <= self.now)
        return min(self.link.per_connection, self.link.shared / shares) if shares else 0.0

    def _changes_at(self, flow: _Flow, rate: float) -> float:
        if flow.flows_at > self.now:
            return min(flow.flows_at, flow.fails_at)
        whole_at = self.now + flow.left / (rate * flow.share)
        return flow.fails_at if flow.refused else min(whole_at, flow.fails_at)

    def _flow(self, until: float, rate: float, moved: dict[int, float]) -> None:
        useful = self.carried[-1][1]
        for flow in self._flows:
            if flow.flows_at <= self.now:
                sent = min(flow.left, rate * flow.share * (until - self.now))
                flow.left -= sent
                self.offered_bytes += sent
                moved[id(flow.machine)] += sent
                useful += 0 if flow.refused else sent
        self.now = until
        self.carried.append((until, useful))

    def _settle(self) -> list[Machine]:
        """Report what has ended, and return the machines that heard of something."""
        ended = [flow for flow in self._flows if flow.has_ended(self.now)]
        for flow in ended:
            if flow not in self._flows:
                continue  # another try of the part was quicker
            self._flows.remove(flow)
            part = flow.move.part
            if flow.refused or flow.left > _ALL_BUT_BYTES:
                flow.machine.part_failed(flow.move.try_id, flow.failure, self.now, self._luck.random())
                continue
            done = SentPart(part.number, part.length, 0, "etag")
            losers = flow.machine.part_done(flow.move.try_id, done, self.now)
            for loser in [each for each in self._flows if each.machine is flow.machine]:
                if loser.move.try_id in (losers or ()):
                    self._flows.remove(loser)
                    flow.machine.part_failed(loser.move.try_id, _CUT, self.now, self._luck.random())
        return [flow.machine for flow in ended]
