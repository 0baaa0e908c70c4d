"""The course of an upload under every interleaving of what can happen to its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sleap_rtc.storage.checksum import crc64nvme
from sleap_rtc.storage.part_plan import Part, PartPlan
from sleap_rtc.storage.upload_machine import (
    SIGN_BATCH,
    Command,
    Complete,
    Fail,
    SendPart,
    SignParts,
    UploadMachine,
    Wait,
)
from sleap_rtc.storage.upload_session import SentPart

if TYPE_CHECKING:
    from collections.abc import Callable

PART_BYTES = 3


class Course:
    """A machine, and the world that it acts on: a file, a signer and a store."""

    def __init__(self, size: int, held: frozenset[int] = frozenset()) -> None:
        self.file = bytes(n * 37 % 251 for n in range(size))
        self.plan = PartPlan(size, PART_BYTES)
        self.acknowledged = sorted(number for number in held if number <= self.plan.count)
        self.machine = UploadMachine(self.plan, [self.sent(number) for number in self.acknowledged])
        self.signing: SignParts | None = None
        self.sending: dict[int, SendPart] = {}
        self.good_urls: dict[int, str] = {}
        self.signatures = 0

    def crc(self, part: Part) -> int:
        return crc64nvme(self.file[part.offset : part.offset + part.length])

    def sent(self, number: int) -> SentPart:
        part = self.plan.part(number)
        return SentPart(number, part.length, self.crc(part), f"etag-{number}")

    def ask(self) -> Command:
        """Take the next command; note what is under way from now on, and that it may be."""
        command = self.machine.next()
        if isinstance(command, SignParts):
            assert self.signing is None
            assert 1 <= len(command.parts) <= SIGN_BATCH
            self.signing = command
        elif isinstance(command, SendPart):
            number = command.part.number
            assert number not in self.sending
            assert number not in self.acknowledged
            assert (command.url, command.crc) == (self.good_urls[number], self.crc(command.part))
            self.sending[number] = command
        return command

    def sign(self) -> None:
        assert self.signing is not None
        self.signatures += 1
        urls = {part.number: f"url-{part.number}-{self.signatures}" for part in self.signing.parts}
        crcs = {part.number: self.crc(part) for part in self.signing.parts}
        self.good_urls.update(urls)
        self.signing = None
        self.machine.signed(urls, crcs)

    def acknowledge(self, number: int) -> None:
        del self.sending[number]
        self.acknowledged.append(number)
        self.machine.part_done(self.sent(number))

    def fail(self, number: int) -> None:
        command = self.sending.pop(number)
        self.machine.part_failed(number, command.url, command.crc)

    def expire(self, number: int) -> None:
        del self.sending[number]
        del self.good_urls[number]
        self.machine.url_expired(number)

    def finish(self) -> Command:
        """Let everything succeed from here on, and return the last command."""
        while not isinstance(command := self.ask(), Complete | Fail):
            if self.sending:
                self.acknowledge(next(iter(self.sending)))
            elif self.signing:
                self.sign()
            else:
                assert not isinstance(command, Wait), "it waits for nothing"
        return command

    def assert_completed(self, command: Command) -> None:
        assert isinstance(command, Complete)
        assert sorted(self.acknowledged) == [part.number for part in self.plan.parts()]
        assert list(command.parts) == [self.sent(part.number) for part in self.plan.parts()]
        assert command.crc == crc64nvme(self.file)


class AnyCourse(RuleBasedStateMachine):
    """Any interleaving ends with each part acknowledged once and the CRC of the file, or with Fail."""

    given_up: str | None = None

    @initialize(size=st.integers(0, 60), held=st.frozensets(st.integers(1, 20)))
    def start(self, size: int, held: frozenset[int]) -> None:
        self.course = Course(size, held)

    @rule()
    def ask(self) -> None:
        command = self.course.ask()
        assert isinstance(command, Fail) == (self.given_up is not None)

    @precondition(lambda self: self.course.signing)
    @rule()
    def urls_arrive(self) -> None:
        self.course.sign()

    @precondition(lambda self: self.course.sending)
    @rule(data=st.data(), outcome=st.sampled_from([Course.acknowledge, Course.fail, Course.expire]))
    def part_ends(self, data: st.DataObject, outcome: Callable[[Course, int], None]) -> None:
        number = data.draw(st.sampled_from(sorted(self.course.sending)))
        outcome(self.course, number)

    @precondition(lambda self: self.course.sending)
    @rule(why=st.sampled_from(["403", "404"]))
    def a_part_fails_for_good(self, why: str) -> None:
        self.course.sending.popitem()
        self.course.machine.gave_up(why)
        self.given_up = self.given_up or why

    @invariant()
    def acknowledged_bytes_are_those_of_the_acknowledged_parts(self) -> None:
        if hasattr(self, "course"):
            lengths = [self.course.plan.part(number).length for number in self.course.acknowledged]
            assert self.course.machine.acknowledged_bytes == sum(lengths)

    def teardown(self) -> None:
        if not hasattr(self, "course"):
            return
        last = self.course.finish()
        if self.given_up is None:
            self.course.assert_completed(last)
        else:
            assert last == Fail(self.given_up)


AnyCourse.TestCase.settings = settings(max_examples=80, deadline=None)
TestAnyCourse = AnyCourse.TestCase


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 100])
def test_an_undisturbed_upload_sends_every_part_once(size: int) -> None:
    course = Course(size)
    course.assert_completed(course.finish())


def test_resume_sends_only_what_the_store_does_not_hold() -> None:
    course = Course(4 * PART_BYTES, frozenset({1, 3}))
    command = course.ask()
    assert isinstance(command, SignParts)
    assert [part.number for part in command.parts] == [2, 4]
    course.assert_completed(course.finish())


def test_an_upload_whose_parts_are_all_held_is_completed_at_once() -> None:
    course = Course(2 * PART_BYTES, frozenset({1, 2}))
    course.assert_completed(course.ask())


def test_urls_are_asked_for_late_and_in_small_batches() -> None:
    course = Course(3 * SIGN_BATCH * PART_BYTES)
    command = course.ask()
    assert isinstance(command, SignParts)
    assert [part.number for part in command.parts] == list(range(1, SIGN_BATCH + 1))
    assert course.ask() == Wait()


def test_an_expired_url_takes_those_signed_with_it_along() -> None:
    course = Course(3 * PART_BYTES)
    course.ask()
    course.sign()
    course.ask()
    course.expire(1)
    command = course.ask()
    assert isinstance(command, SignParts)
    assert [part.number for part in command.parts] == [1, 2, 3]


def test_attempts_are_counted_for_each_part() -> None:
    course = Course(2 * PART_BYTES)
    course.ask()
    course.sign()
    course.ask()
    course.fail(1)
    again, other = course.ask(), course.ask()
    assert isinstance(again, SendPart)
    assert isinstance(other, SendPart)
    assert [(again.part.number, again.attempt), (other.part.number, other.attempt)] == [(1, 2), (2, 1)]


def test_the_first_reason_for_giving_up_is_kept() -> None:
    course = Course(PART_BYTES)
    course.machine.gave_up("the first")
    course.machine.gave_up("the second")
    assert course.ask() == Fail("the first")
