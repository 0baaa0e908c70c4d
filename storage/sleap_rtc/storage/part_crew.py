"""Orchestration: threads that carry out what the part machine says, for uploads and downloads alike.

Every thread has a lane of its own. It asks the machine for the next command, does it without holding the
lock, and reports the fact.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Generic, Protocol

from sleap_rtc.storage.errors import TransferFailed, Unreachable
from sleap_rtc.storage.lane import Lane
from sleap_rtc.storage.part_commands import CutPart, Fail, Finish, M, MovePart, SignParts, Tally, Wait
from sleap_rtc.storage.retry import Failure
from sleap_rtc.storage.stop_signal import StopSignal
from sleap_rtc.storage.storage_facts import TransferTroubled
from sleap_rtc.storage.telling import tell
from sleap_rtc.storage.traffic import unheard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleap_rtc.storage.bandwidth import Throttle
    from sleap_rtc.storage.part_commands import Signed
    from sleap_rtc.storage.part_machine import PartMachine
    from sleap_rtc.storage.traffic import Direction, TrafficHook

_FAREWELL_S = 2.0


class Mover(Protocol[M]):
    """What a crew moves, and how."""

    @property
    def direction(self) -> Direction:
        """Which way."""

    def sign(self, command: SignParts) -> Mapping[int, Signed]:
        """Return a URL for each part. Unreachable is tried again; any other error ends the transfer."""

    def move(self, lane: Lane, command: MovePart) -> M | Failure:
        """Move one part. An error that is raised ends the transfer."""

    def keep(self, part: M, done_bytes: int) -> None:
        """Take note of a part that has arrived; called for one part at a time."""

    def stand_still(self, done_bytes: int, why: str) -> None:
        """Take note that nothing can be moved for a while; called for one thread at a time."""

    def still_whole(self) -> None:
        """Raise if the transfer has become pointless, say because the file changed; called on failures."""


class PartCrew(Generic[M]):
    """The threads of one transfer.

    Args:
        name: of the file, for messages.
        machine: says what to do.
        mover: does it.
        most: upper bound of the parts under way; one thread more signs meanwhile.
        throttle: holds all lanes to a rate together.
        stop: ends the transfer where it is.
        on_traffic: told of every request.
    """

    def __init__(
        self,
        name: str,
        machine: PartMachine[M],
        mover: Mover[M],
        most: int,
        throttle: Throttle | None = None,
        stop: StopSignal | None = None,
        on_traffic: TrafficHook = unheard,
    ) -> None:
        self._name = name
        self._machine = machine
        self._mover = mover
        self._stop = stop or StopSignal()
        self._lanes = [
            Lane(throttle, on_traffic=on_traffic) for _ in range(min(most, machine.plan.count) + 1)
        ]
        self._lane_of_try: dict[int, Lane] = {}
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._unsigned: Unreachable | None = None
        self._over = False
        self._told = Tally()

    def run(self) -> tuple[M, ...]:
        """Move every part and return them in order.

        Raises:
            TransferFailed: the network or the store would not have it.
            What the mover raises.
        """
        threads = [
            threading.Thread(target=self._work, args=(lane,), name=f"lane-{number}", daemon=True)
            for number, lane in enumerate(self._lanes)
        ]
        for thread in threads:
            thread.start()
        try:
            with self._stop.cutting(lambda: self._end(None)):
                for thread in threads:
                    thread.join()
        finally:
            self._end(None)
            for thread in threads:
                thread.join(_FAREWELL_S)
            with self._changed:
                self._tell_tally(ended=True)
        if self._error is not None:
            raise self._error
        last = self._machine.next(time.monotonic())
        if isinstance(last, Finish):
            return last.parts
        if self._unsigned is not None:
            raise self._unsigned
        why = last.why if isinstance(last, Fail) else "it was interrupted"
        raise TransferFailed(what=self._name, why=why)

    def _end(self, error: BaseException | None) -> None:
        with self._changed:
            self._error = self._error or error
            self._over = True
            for lane in self._lane_of_try.values():
                lane.cut()
            self._changed.notify_all()

    def _work(self, lane: Lane) -> None:
        try:
            while (command := self._next(lane)) is not None:
                if isinstance(command, SignParts):
                    self._sign(command)
                else:
                    self._move(lane, command)
        except BaseException as error:
            self._end(error)
        finally:
            lane.close()
            with self._changed:
                self._changed.notify_all()

    def _next(self, lane: Lane) -> SignParts | MovePart | None:
        """Wait for something to do; None when there is nothing any more."""
        with self._changed:
            while not self._over:
                now = time.monotonic()
                self._machine.moved(sum(each.moved_bytes for each in self._lanes), now)
                match self._machine.next(now):
                    case SignParts() as command:
                        return command
                    case MovePart() as command:
                        self._lane_of_try[command.try_id] = lane
                        return command
                    case CutPart(try_id):
                        self._lane_of_try[try_id].cut()
                    case Wait(at_most_s):
                        self._changed.wait(at_most_s)
                    case Finish() | Fail():
                        return None
        return None

    def _sign(self, command: SignParts) -> None:
        try:
            signed = self._mover.sign(command)
        except Unreachable as error:
            with self._changed:
                self._unsigned = error
                failure = Failure(0, str(error), away=True)
                self._machine.signing_failed(failure, time.monotonic(), random.random())  # noqa: S311 - jitter
                self._tell_trouble()
                self._tell_tally()
        else:
            with self._changed:
                self._unsigned = None
                self._machine.signed(signed)
                self._changed.notify_all()

    def _move(self, lane: Lane, command: MovePart) -> None:
        outcome = self._mover.move(lane, command)
        if isinstance(outcome, Failure):
            self._mover.still_whole()
        with self._changed:
            del self._lane_of_try[command.try_id]
            now = time.monotonic()
            if isinstance(outcome, Failure):
                if not self._over:  # else it was cut for that, and is not tried again
                    self._machine.part_failed(command.try_id, outcome, now, random.random())  # noqa: S311 - jitter
                    self._tell_trouble()
                    self._tell_tally()
            else:
                losers = self._machine.part_done(command.try_id, outcome, now)
                for loser in losers or ():
                    self._lane_of_try[loser].cut()
                if losers is not None:
                    self._mover.keep(outcome, self._machine.done_bytes)
            self._changed.notify_all()

    def _tell_trouble(self) -> None:
        if self._machine.trouble:
            self._mover.stand_still(self._machine.done_bytes, self._machine.trouble)

    def _tell_tally(self, *, ended: bool = False) -> None:
        """Tell what it met with since the last time; of second tries once it is known which of them won."""
        now, told = self._machine.tally.copy(), self._told
        fact = TransferTroubled(
            direction=self._mover.direction,
            retries=now.reasons - told.reasons,
            outages=now.outages - told.outages,
            second_tries_won=now.second_tries_won if ended else 0,
            second_tries_lost=now.second_tries - now.second_tries_won if ended else 0,
            wasted_bytes=now.wasted_bytes - told.wasted_bytes,
        )
        self._told = now
        if fact != TransferTroubled(self._mover.direction):
            tell(fact)
