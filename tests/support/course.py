"""A part machine, and the world that it acts on: a file, a signer, a store, and a clock set by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage.checksum import crc64nvme
from sleap_rtc.storage.part_commands import CutPart, Fail, Finish, MovePart, Signed, SignParts, Wait
from sleap_rtc.storage.part_machine import LARGEST_BATCH, PartMachine
from sleap_rtc.storage.part_plan import Part, PartPlan
from sleap_rtc.storage.retry import (
    FIRST_PATIENCE_S,
    MOST_ATTEMPTS,
    PATIENCE_S,
    Failure,
)
from sleap_rtc.storage.retry_budget import RetryBudget
from sleap_rtc.storage.upload_session import SentPart

if TYPE_CHECKING:
    from collections.abc import Iterable

PART_BYTES = 3
PLENTY = 10**9
LUCK = 0.5

CUT = Failure(0, "the connection was cut")
BROKEN = Failure(400, "HTTP 400 BadDigest: The CRC64NVME you specified did not match")
AWAY = Failure(0, "no answer", away=True)
BUSY = Failure(503, "HTTP 503 SlowDown: Please reduce your request rate.")
EXPIRED = Failure(403, "HTTP 403 AccessDenied: Request has expired")
DENIED = Failure(403, "HTTP 403 AccessDenied: Access Denied")
GONE = Failure(404, "HTTP 404 NoSuchUpload: ")

Command = SignParts | MovePart | CutPart | Wait | Finish[SentPart] | Fail


def busy(retry_after_s: float) -> Failure:
    """Return a 503 that asks for a delay."""
    return Failure(503, BUSY.text, retry_after_s)


class Course:
    """One transfer of parts of three bytes; every command is held against what the world allows."""

    def __init__(
        self,
        parts: float,
        held: Iterable[int] = (),
        *,
        most: int = 4,
        race: bool = True,
        budget: RetryBudget | None = None,
    ) -> None:
        size = round(parts * PART_BYTES)
        self.file = bytes(n * 37 % 251 for n in range(size))
        self.plan = PartPlan(size, PART_BYTES)
        self.acknowledged = sorted(number for number in held if number <= self.plan.count)
        self.now = 0.0
        self.most = most
        self.race = race
        self.machine = PartMachine[SentPart](
            self.plan,
            [self.sent(number) for number in self.acknowledged],
            most=most,
            race=race,
            now=self.now,
            budget=budget or RetryBudget(PLENTY),
        )
        self.signing: SignParts | None = None
        self.moving: dict[int, MovePart] = {}
        self.started: dict[int, float] = {}
        self.cut_tries: set[int] = set()
        self.signed_in: dict[int, int] = {}
        self.batch = self.stale_batch = 0
        self.held_until = self.found_at = 0.0
        self.outage_began: float | None = None
        self.succeeded = False
        self.cuts: dict[int, int] = {}
        self.refusals: dict[int, int] = {}
        self.given_up: str | None = None

    def crc(self, part: Part) -> int:
        """Return the CRC of a part's bytes."""
        return crc64nvme(self.file[part.offset : part.offset + part.length])

    def sent(self, number: int) -> SentPart:
        """Return what the store says of a part that it has."""
        part = self.plan.part(number)
        return SentPart(number, part.length, self.crc(part), f"etag-{number}")

    def tries_of(self, number: int) -> set[int]:
        """Return the tries of a part that are under way."""
        return {try_id for try_id, move in self.moving.items() if move.part.number == number}

    def ask(self) -> Command:
        """Take the next command; note what is under way from now on, and that it may be."""
        command = self.machine.next(self.now)
        match command:
            case SignParts():
                self._check_sign(command)
                self.signing = command
            case MovePart():
                self._check_move(command)
                self.moving[command.try_id] = command
                self.started[command.try_id] = self.now
            case CutPart(try_id):
                assert not self.race
                assert try_id not in self.cut_tries
                self.cut_tries.add(try_id)
            case Wait(at_most_s):
                assert 0 < at_most_s <= max(8.0, self.held_until - self.now)
        return command

    def _check_sign(self, command: SignParts) -> None:
        assert self.signing is None
        assert 1 <= len(command.parts) <= LARGEST_BATCH
        assert self.now >= self.held_until
        for part in command.parts:
            assert part.number not in self.acknowledged
            assert self.signed_in.get(part.number, 0) <= self.stale_batch, "a good URL was thrown away"
        known = {part.number: self.crc(part) for part in command.parts if part.number in self.signed_in}
        assert command.crcs == known

    def _check_move(self, command: MovePart) -> None:
        number = command.part.number
        batch = self.signed_in[number]
        assert self.now >= self.held_until
        assert len(self.moving) < self.machine.pace.limit <= self.most
        assert number not in self.acknowledged
        assert batch > self.stale_batch
        assert command.signed == Signed(f"url-{number}-{batch}", self.crc(command.part))
        assert command.careful == (self.outage_began is not None)
        assert not (command.careful and self.moving)
        if others := self.tries_of(number):
            assert self.race
            assert len(others) == 1
            assert self.now - self.started[others.pop()] >= 1.0

    def ask_until_wait(self) -> Command:
        """Take commands until there is nothing to do but wait or sign, and return the last."""
        while isinstance(command := self.ask(), MovePart | CutPart):
            pass
        return command

    def sign(self) -> None:
        """Have the batch signed that was asked for."""
        assert self.signing is not None
        self.batch += 1
        urls = {}
        for part in self.signing.parts:
            self.signed_in[part.number] = self.batch
            urls[part.number] = Signed(f"url-{part.number}-{self.batch}", self.crc(part))
        self.signing = None
        self.machine.signed(urls)

    def fail_signing(self) -> None:
        """Let the signer be away."""
        self.signing = None
        self._note_outage(AWAY, self.now, "")
        self.machine.signing_failed(AWAY, self.now, LUCK)

    def acknowledge(self, try_id: int) -> tuple[int, ...] | None:
        """Let the store have this try's part."""
        number = self.moving.pop(try_id).part.number
        others = self.tries_of(number)
        again = number in self.acknowledged
        answer = self.machine.part_done(try_id, self.sent(number), self.now)
        if again:
            assert answer is None
        else:
            assert set(answer or ()) == others
            self.acknowledged.append(number)
            self.succeeded, self.outage_began = True, None
        return answer

    def fail(self, try_id: int, failure: Failure) -> None:
        """Let this try fail, and note what follows."""
        move = self.moving.pop(try_id)
        number = move.part.number
        judged = not (
            number in self.acknowledged
            or self.tries_of(number)
            or (try_id in self.cut_tries and not self.race)
        )
        if judged:
            self._note(failure, move, self.started[try_id])
        self.machine.part_failed(try_id, failure, self.now, LUCK)

    def _note(self, failure: Failure, move: MovePart, started: float) -> None:
        number, told = move.part.number, f"part {move.part.number}: {failure.text}"
        if failure.away or failure.status == 503:
            self._note_outage(failure, started, told)
        elif failure in {EXPIRED, DENIED}:
            if self.refusals.get(number, 0) >= (MOST_ATTEMPTS if failure == EXPIRED else 1):
                self.given_up = self.given_up or told
                return
            self.refusals[number] = self.refusals.get(number, 0) + 1
            self.stale_batch = max(self.stale_batch, int(move.signed.url.rpartition("-")[2]))
        else:
            self.cuts[number] = self.cuts.get(number, 0) + 1
            if self.cuts[number] >= MOST_ATTEMPTS or failure == GONE:
                self.given_up = self.given_up or told

    def _note_outage(self, failure: Failure, started: float, told: str) -> None:
        patience_s = PATIENCE_S if self.succeeded else FIRST_PATIENCE_S
        if self.outage_began is not None and self.now - self.outage_began > patience_s:
            self.given_up = self.given_up or told or failure.text
            return
        self.held_until = max(self.held_until, self.now + min(failure.retry_after_s, 60.0))
        if started >= self.found_at:  # what was under way when the outage was found is part of it
            self.found_at = self.now
            if self.outage_began is None:
                self.outage_began = self.now

    def finish(self) -> Command:
        """Let everything succeed from here on, and return the last command."""
        for _ in range(1000):
            command = self.ask()
            if isinstance(command, Finish | Fail):
                return command
            if isinstance(command, CutPart):
                self.fail(command.try_id, CUT)
            elif self.signing:
                self.sign()
            elif isinstance(command, Wait) and self.moving:
                self.acknowledge(next(iter(self.moving)))
            elif isinstance(command, Wait):
                self.now += command.at_most_s
        raise AssertionError("it never ends")

    def assert_finished(self, command: Command) -> None:
        """Hold the end against the file."""
        assert isinstance(command, Finish)
        assert sorted(self.acknowledged) == [part.number for part in self.plan.parts()]
        assert list(command.parts) == [self.sent(part.number) for part in self.plan.parts()]
