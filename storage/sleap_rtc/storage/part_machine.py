"""Pure: the course of one transfer in parts, up or down. Facts go in, commands come out; it does no I/O.

    facts      signed, signing_failed, part_done, part_failed, gave_up, and the bytes moved
    commands   SignParts, MovePart, CutPart, Wait, Finish, Fail

URLs are asked for late and in small batches, so that a slow uplink or a laptop that slept does not find
itself with a stack of dead ones. How many parts are under way is `pace`'s matter, what a failure means is
`retry`'s, and which part is late is `tail`'s.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from sleap_rtc.storage import retry
from sleap_rtc.storage.pace import Pace
from sleap_rtc.storage.part_commands import CutPart, Fail, Finish, M, MovePart, SignParts, Tally, Wait
from sleap_rtc.storage.retry_budget import OF_THIS_PROCESS, RetryBudget
from sleap_rtc.storage.tail import Tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sleap_rtc.storage.part_commands import Signed
    from sleap_rtc.storage.part_plan import PartPlan

LARGEST_BATCH = 16
_TICK_S = 1.0
_NO_BUDGET_S = 5.0


@dataclass(frozen=True)
class _Try:
    number: int
    signed: Signed
    batch: int
    started: float
    second: bool


class PartMachine(Generic[M]):
    """Knows which parts are done, signed, under way or still to do.

    Args:
        plan: the parts.
        done: those that had arrived before.
        most: upper bound of the parts under way.
        race: whether a late part is tried twice at once (an upload, whose half-sent part is lost anyway) or
            cut and gone on with (a download, whose two writers must not meet in one place of a file).
        now: seconds of a monotonic clock, as in every other call.
        budget: what the process may spend on retries.
    """

    def __init__(
        self,
        plan: PartPlan,
        done: Iterable[M] = (),
        *,
        most: int,
        race: bool,
        now: float,
        budget: RetryBudget = OF_THIS_PROCESS,
    ) -> None:
        self.plan = plan
        self.pace = Pace(most, now)
        self.tally = Tally()
        self._tail = Tail(plan.count)
        self._race = race
        self._budget = budget
        self._done = {part.number: part for part in done}
        self._done_bytes = sum(part.length for part in self._done.values())
        self._todo = [number for number in range(1, plan.count + 1) if number not in self._done]
        heapq.heapify(self._todo)
        self._signing: set[int] = set()
        self._ready: dict[int, tuple[Signed, int]] = {}
        self._crcs: dict[int, int] = {}
        self._tries: dict[int, _Try] = {}
        self._next_try = 1
        self._batch = self._stale = 0
        self._not_before: dict[int, float] = {}
        self._attempts: dict[int, int] = {}
        self._signatures: dict[int, int] = {}
        self._outage_began = now
        self._succeeded = False
        self._failure: str | None = None
        self.trouble = ""
        """Why nothing may be sent at the moment; empty while something may."""

    @property
    def done_bytes(self) -> int:
        """Bytes of the parts that have arrived."""
        return self._done_bytes

    def next(self, now: float) -> SignParts | MovePart | CutPart | Wait | Finish[M] | Fail:
        """Return what to do now; the caller does it and reports back with a fact."""
        if self._failure is not None:
            return Fail(self._failure)
        if len(self._done) == self.plan.count:
            return Finish(tuple(self._done[number] for number in sorted(self._done)))
        held_s = self.pace.held_for_s(now)
        if held_s:
            return Wait(held_s)
        free = self.pace.limit - len(self._tries)
        startable = self._startable(now) if free > 0 else None
        if startable is not None:
            signed, batch = self._ready.pop(startable)
            return self._start(startable, signed, batch, now)
        if self._todo and not self._signing and len(self._ready) < self.pace.limit:
            return self._sign()
        late = self._late(now) if free > 0 and not self._ready and not self._todo else None
        return late or Wait(self._until_next(now))

    def _startable(self, now: float) -> int | None:
        return min((n for n in self._ready if self._not_before.get(n, now) <= now), default=None)

    def _start(
        self, number: int, signed: Signed, batch: int, now: float, *, second: bool = False
    ) -> MovePart:
        try_id, self._next_try = self._next_try, self._next_try + 1
        self._tries[try_id] = _Try(number, signed, batch, now, second)
        self.pace.started(len(self._tries))
        return MovePart(self.plan.part(number), signed, try_id, self.pace.careful)

    def _sign(self) -> SignParts:
        size = min(LARGEST_BATCH, 2 * self.pace.limit, len(self._todo))
        numbers = [heapq.heappop(self._todo) for _ in range(size)]
        self._signing = set(numbers)
        crcs = {number: self._crcs[number] for number in numbers if number in self._crcs}
        return SignParts(tuple(self.plan.part(number) for number in numbers), crcs)

    def _late(self, now: float) -> MovePart | CutPart | None:
        tried: dict[int, list[int]] = {}
        for try_id, it in self._tries.items():
            tried.setdefault(it.number, []).append(try_id)
        alone = {ids[0]: self._tries[ids[0]] for ids in tried.values() if len(ids) == 1}
        fit = ((try_id, it) for try_id, it in alone.items() if not it.second and it.batch > self._stale)
        late = self._tail.latest(((try_id, it.started) for try_id, it in fit), now)
        if late is None:
            return None
        self.tally.second_tries += 1
        it = alone[late]
        if self._race:
            return self._start(it.number, it.signed, it.batch, now, second=True)
        self._tries[late] = _Try(it.number, it.signed, it.batch, now, second=True)
        return CutPart(late)

    def _until_next(self, now: float) -> float:
        waits = [at - now for number, at in self._not_before.items() if number in self._ready and at > now]
        return min([_TICK_S, *waits])

    def moved(self, total_bytes: int, now: float) -> None:
        """So many bytes went through all connections since the beginning, arrived or not."""
        self.pace.moved(total_bytes, len(self._tries), now)

    def signed(self, urls: Mapping[int, Signed]) -> None:
        """URLs arrived for the batch that was asked for."""
        self._batch += 1
        self.tally.signatures += len(self._signing)
        for number in self._signing:
            self._ready[number] = (urls[number], self._batch)
            self._crcs[number] = urls[number].crc
        self._signing = set()

    def signing_failed(self, failure: retry.Failure, now: float, luck: float) -> None:
        """The batch that was asked for was not signed."""
        for number in self._signing:
            heapq.heappush(self._todo, number)
        self._signing = set()
        self._judge(failure, None, now, now, luck)

    def part_done(self, try_id: int, part: M, now: float) -> tuple[int, ...] | None:
        """A part has arrived; returns the other tries of it, to be cut, or None if it had before."""
        it = self._tries.pop(try_id)
        if part.number in self._done:
            self.tally.wasted_bytes += part.length
            return None
        self._done[part.number] = part
        self._done_bytes += part.length
        self._tail.took(now - it.started)
        self.tally.second_tries_won += it.second
        self._succeeded, self.trouble = True, ""
        self._budget.earn()
        self.pace.succeeded()
        return tuple(other for other, its in self._tries.items() if its.number == part.number)

    def part_failed(self, try_id: int, failure: retry.Failure, now: float, luck: float) -> None:
        """A part did not go through; what follows is decided here."""
        it = self._tries.pop(try_id)
        if it.number in self._done or any(other.number == it.number for other in self._tries.values()):
            return  # the other try made it, or still may
        if it.second and not self._race:  # it was cut on purpose
            self._put_back(it)
            return
        self._judge(failure, it, it.started, now, luck)

    def _judge(
        self, failure: retry.Failure, it: _Try | None, started: float, now: float, luck: float
    ) -> None:
        number = it.number if it else 0
        past = retry.Past(
            attempt=self._attempts.get(number, 0) + 1,
            outages=self.pace.outages + 1,
            signatures=self._signatures.get(number, 0),
            away_for_s=now - self._outage_began if self.pace.outages else 0.0,
            succeeded=self._succeeded,
        )
        decision = retry.after(failure, past, luck)
        if isinstance(decision, retry.RetryIn):
            self._attempts[number] = past.attempt
            if not self._budget.spend():
                decision = retry.HoldOff(_NO_BUDGET_S, f"{decision.reason} (too many retries)")
        if it is not None and not isinstance(decision, retry.GiveUp):
            self.tally.reasons[retry.reason_of(failure)] += 1
        match decision:
            case retry.RetryIn(delay_s):
                self.tally.retries += 1
                self._again(it, now + delay_s)
            case retry.HoldOff(delay_s, reason):
                self.trouble = reason
                self._hold_off(delay_s, started, now)
                self._again(it, now)
            case retry.SignAgain(reason):
                self._sign_again(it, reason)
            case retry.GiveUp(why):
                self.gave_up(f"part {number}: {why}" if it else why)

    def _hold_off(self, delay_s: float, started: float, now: float) -> None:
        if not self.pace.outages:
            self._outage_began = now
        self.tally.outages += 1
        self.pace.held_off(delay_s, started, now)

    def _again(self, it: _Try | None, not_before: float) -> None:
        if it is not None:
            self._not_before[it.number] = not_before
            self._put_back(it)

    def _put_back(self, it: _Try) -> None:
        """Keep the URL for the next try, unless one as old died meanwhile."""
        if it.batch > self._stale:
            self._ready[it.number] = (it.signed, it.batch)
        else:
            heapq.heappush(self._todo, it.number)

    def _sign_again(self, it: _Try | None, reason: str) -> None:
        """A URL died; those signed with it or before it are as old."""
        if it is None:  # the signer itself was refused
            self.gave_up(reason)
            return
        self._signatures[it.number] = self._signatures.get(it.number, 0) + 1
        self._stale = max(self._stale, it.batch)
        stale = [number for number, (_, batch) in self._ready.items() if batch <= self._stale]
        for number in stale:
            del self._ready[number]
        for number in (it.number, *stale):
            heapq.heappush(self._todo, number)

    def gave_up(self, why: str) -> None:
        """Something failed for good; the first reason is kept."""
        self._failure = self._failure or why
