"""The course of a transfer under every interleaving of what can happen to its parts."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.course import AWAY, BROKEN, BUSY, CUT, DENIED, EXPIRED, GONE, Course, busy

from sleap_rtc.storage.part_commands import CutPart, Fail, MovePart, SignParts, Wait
from sleap_rtc.storage.part_machine import LARGEST_BATCH
from sleap_rtc.storage.retry import FIRST_PATIENCE_S, MOST_ATTEMPTS, PATIENCE_S, Failure
from sleap_rtc.storage.retry_budget import RetryBudget

BOTH_WAYS = pytest.mark.parametrize("race", [True, False], ids=["upload", "download"])


class AnyCourse(RuleBasedStateMachine):
    """Any interleaving ends with each part acknowledged once, or with the first reason for giving up."""

    course: Course | None = None

    @initialize(
        parts=st.integers(0, 60).map(lambda size: size / 3),
        held=st.frozensets(st.integers(1, 20)),
        most=st.integers(1, 6),
        race=st.booleans(),
    )
    def start(self, parts: float, held: frozenset[int], most: int, race: bool) -> None:
        self.course = Course(parts, held, most=most, race=race)

    @property
    def now(self) -> Course:
        assert self.course is not None
        return self.course

    @rule()
    def ask(self) -> None:
        command = self.now.ask()
        if self.now.given_up is not None:
            assert command == Fail(self.now.given_up)
        else:
            assert not isinstance(command, Fail)

    @rule()
    def ask_until_there_is_nothing_to_start(self) -> None:
        self.now.ask_until_wait()

    @rule(seconds=st.sampled_from([0.1, 0.5, 2.0, 10.0, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.now.now += seconds

    @precondition(lambda self: self.course and self.course.signing)
    @rule()
    def urls_arrive(self) -> None:
        self.now.sign()

    @precondition(lambda self: self.course and self.course.signing)
    @rule()
    def the_signer_is_away(self) -> None:
        self.now.fail_signing()

    @precondition(lambda self: self.course and self.course.moving)
    @rule(data=st.data())
    def a_part_arrives(self, data: st.DataObject) -> None:
        self.now.acknowledge(data.draw(st.sampled_from(sorted(self.now.moving))))

    @precondition(lambda self: self.course and len(self.course.moving) > 1)
    @rule(seconds=st.sampled_from([0.1, 0.5]))
    def all_but_one_arrive(self, seconds: float) -> None:
        for try_id in sorted(self.now.moving)[1:]:
            self.now.now += seconds
            self.now.acknowledge(try_id)

    @precondition(lambda self: self.course and self.course.moving)
    @rule(
        data=st.data(),
        failure=st.sampled_from([CUT, BROKEN, AWAY, BUSY, busy(3), busy(90), EXPIRED, DENIED]),
    )
    def a_part_fails(self, data: st.DataObject, failure: Failure) -> None:
        self.now.fail(data.draw(st.sampled_from(sorted(self.now.moving))), failure)

    @invariant()
    def done_bytes_are_those_of_the_parts_that_arrived(self) -> None:
        if self.course:
            lengths = [self.course.plan.part(number).length for number in self.course.acknowledged]
            assert self.course.machine.done_bytes == sum(lengths)

    def teardown(self) -> None:
        if self.course is None:
            return
        reason = self.course.given_up
        last = self.course.finish()
        if reason is None:
            self.course.assert_finished(last)
        else:
            assert last == Fail(reason)


AnyCourse.TestCase.settings = settings(max_examples=150)
TestAnyCourse = AnyCourse.TestCase


def under_way(
    parts: float = 8, *, race: bool = True, most: int = 4, budget: RetryBudget | None = None
) -> Course:
    """Return a course whose first parts are signed and moving."""
    course = Course(parts, race=race, most=most, budget=budget)
    course.ask()
    course.sign()
    course.ask_until_wait()
    course.now += 1
    return course


def wait_s(course: Course) -> float:
    """Return for how long there is nothing to do."""
    command = course.ask()
    assert isinstance(command, Wait)
    return round(command.at_most_s, 6)


def with_a_late_part(*, race: bool) -> Course:
    """Return a course of which only part 1 is missing, which took ten times as long as the others."""
    course = under_way(race=race)
    for _ in range(7):
        course.acknowledge(max(course.moving))
        course.ask_until_wait()
    assert list(course.moving) == [1]
    course.now += 9
    return course


def out_for(course: Course, seconds: float) -> None:
    """Let every request of so many seconds find nobody."""
    end = course.now + seconds
    while course.now < end and course.given_up is None:
        match course.ask():
            case Wait(at_most_s):
                course.now += at_most_s
            case MovePart(try_id=try_id):
                course.fail(try_id, AWAY)
            case SignParts():
                course.fail_signing()


@BOTH_WAYS
@pytest.mark.parametrize("parts", [0, 1 / 3, 1, 4 / 3, 33])
def test_an_undisturbed_transfer_moves_every_part_once(parts: float, race: bool) -> None:
    course = Course(parts, race=race)
    course.assert_finished(course.finish())
    assert course.machine.tally.signatures == course.plan.count


def test_a_transfer_goes_on_with_what_is_missing() -> None:
    course = Course(4, held={1, 3})
    command = course.ask()
    assert isinstance(command, SignParts)
    assert [part.number for part in command.parts] == [2, 4]
    course.assert_finished(course.finish())


def test_a_transfer_whose_parts_are_all_there_is_finished_at_once() -> None:
    course = Course(2, held={1, 2})
    course.assert_finished(course.ask())


def test_urls_are_asked_for_late_and_in_small_batches() -> None:
    course = Course(3 * LARGEST_BATCH)
    command = course.ask()
    assert isinstance(command, SignParts)
    assert [part.number for part in command.parts] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert course.ask() == Wait(1.0)


def test_the_next_batch_is_asked_for_before_the_last_runs_out() -> None:
    course = under_way(40)
    course.acknowledge(1)
    course.ask()
    assert isinstance(course.ask(), SignParts)
    assert len(course.moving) == 4


def test_parts_start_in_order_up_to_the_limit() -> None:
    course = under_way(12)
    assert [move.part.number for move in course.moving.values()] == [1, 2, 3, 4]


@pytest.mark.parametrize("failure", [CUT, BROKEN], ids=["cut", "broken"])
def test_a_cut_costs_the_one_part_a_delay_and_the_others_nothing(failure: Failure) -> None:
    course = under_way(8)
    course.fail(1, failure)
    command = course.ask()
    assert isinstance(command, MovePart)
    assert command.part.number == 5
    assert course.machine.tally.retries == 1


def test_it_waits_no_longer_than_until_the_part_may_be_tried_again() -> None:
    course = under_way(1)
    course.fail(1, CUT)
    assert wait_s(course) == 0.2
    course.now += 0.2
    assert isinstance(course.ask(), MovePart)


def test_a_part_that_is_cut_too_often_ends_the_transfer() -> None:
    course = under_way(1)
    for _ in range(MOST_ATTEMPTS - 1):
        course.fail(max(course.moving), CUT)
        course.now += 8
        assert isinstance(course.ask(), MovePart)
    course.fail(max(course.moving), CUT)
    assert course.ask() == Fail("part 1: the connection was cut")


def test_attempts_are_counted_for_each_part() -> None:
    course = under_way(2)
    for _ in range(MOST_ATTEMPTS - 1):
        for try_id in sorted(course.moving):
            course.fail(try_id, CUT)
        course.now += 8
        course.ask_until_wait()
    course.assert_finished(course.finish())


def test_outages_are_no_attempts() -> None:
    course = under_way(8)
    course.acknowledge(1)
    for try_id in (2, 3, 4):
        course.fail(try_id, AWAY)
    out_for(course, PATIENCE_S / 2)
    tally = course.machine.tally
    assert tally.retries == 0
    assert tally.outages > MOST_ATTEMPTS
    course.assert_finished(course.finish())


def test_after_a_503_nothing_starts_and_then_one_part_that_asks_first() -> None:
    course = under_way(8)
    course.fail(1, busy(5))
    for try_id in (2, 3, 4):
        course.fail(try_id, busy(5))
    assert wait_s(course) == 5.0
    course.now += 5
    command = course.ask()
    assert isinstance(command, MovePart)
    assert command.careful
    assert course.ask() == Wait(1.0)


def test_a_retry_after_is_obeyed_whichever_of_the_parts_brought_it() -> None:
    course = under_way(8)
    course.fail(1, BUSY)
    course.fail(2, busy(30))
    assert course.ask() == Wait(30.0)


def test_after_the_first_success_parts_start_side_by_side_again() -> None:
    course = under_way(8)
    for try_id in (1, 2, 3, 4):
        course.fail(try_id, BUSY)
    course.now += 5
    course.ask()
    course.acknowledge(5)
    course.ask_until_wait()
    assert len(course.moving) == 2
    assert not any(move.careful for move in course.moving.values())


def test_a_signer_that_is_away_holds_everything_off() -> None:
    course = Course(8)
    course.ask()
    course.fail_signing()
    assert wait_s(course) == 0.3
    course.now += 0.3
    course.assert_finished(course.finish())


def test_a_signer_that_refuses_ends_the_transfer() -> None:
    course = Course(8)
    course.ask()
    course.machine.signing_failed(DENIED, course.now, 0.5)
    assert course.ask() == Fail(DENIED.text)


def test_an_expired_url_takes_those_signed_with_it_along() -> None:
    course = under_way(6, most=2)
    course.fail(1, EXPIRED)
    command = course.ask()
    assert isinstance(command, SignParts)
    assert [part.number for part in command.parts] == [1, 3, 4, 5]
    assert set(command.crcs) == {1, 3, 4}


def test_newer_urls_are_kept_when_an_older_one_is_refused() -> None:
    course = under_way(16)
    while course.signing is None:
        course.acknowledge(max(course.moving))
        course.ask_until_wait()
    course.sign()
    course.fail(1, EXPIRED)
    command = course.ask()
    assert isinstance(command, MovePart)
    assert course.signed_in[command.part.number] == 2


def test_a_cut_part_does_not_come_back_with_a_url_that_died_meanwhile() -> None:
    course = under_way(2)
    course.fail(1, EXPIRED)
    course.ask()
    course.fail(2, CUT)
    course.sign()
    course.now += 1
    course.ask()
    course.ask()
    assert course.signing is not None
    assert [part.number for part in course.signing.parts] == [2]


def test_a_refused_url_is_signed_again_once() -> None:
    course = under_way(1)
    course.fail(1, DENIED)
    assert isinstance(course.ask(), SignParts)
    course.sign()
    course.ask()
    course.fail(2, DENIED)
    assert course.ask() == Fail(f"part 1: {DENIED.text}")


def test_an_expired_url_is_signed_again_and_again() -> None:
    course = under_way(1)
    for try_id in range(1, MOST_ATTEMPTS + 1):
        course.fail(try_id, EXPIRED)
        course.ask()
        course.sign()
        course.ask()
    course.assert_finished(course.finish())


def test_a_wrong_clock_is_told_once_a_fresh_url_was_refused_too() -> None:
    course = under_way(1)
    course.fail(1, EXPIRED)
    course.ask()
    course.sign()
    course.ask()
    course.machine.part_failed(2, Failure(403, EXPIRED.text, skew_s=3600), course.now, 0.5)
    command = course.ask()
    assert isinstance(command, Fail)
    assert "60 minutes ahead of the store's" in command.why


def test_what_will_not_change_ends_the_transfer_and_the_first_reason_is_kept() -> None:
    course = under_way(8)
    course.fail(1, GONE)
    course.fail(2, DENIED)
    course.machine.gave_up("the disk is full")
    assert course.ask() == Fail(f"part 1: {GONE.text}")


def test_a_store_that_never_answered_is_not_waited_for_long() -> None:
    course = under_way(1)
    course.fail(1, AWAY)
    out_for(course, 3 * FIRST_PATIENCE_S)
    assert course.given_up
    assert FIRST_PATIENCE_S < course.now < FIRST_PATIENCE_S + 11
    assert course.ask() == Fail("part 1: no answer")


def test_a_store_that_was_there_is_waited_for_a_quarter_of_an_hour() -> None:
    course = under_way(8)
    course.acknowledge(1)
    for try_id in (2, 3, 4):
        course.fail(try_id, AWAY)
    out_for(course, 2 * PATIENCE_S)
    assert course.given_up
    assert PATIENCE_S < course.now < PATIENCE_S + 11


def test_patience_begins_with_the_outage_and_not_with_the_last_success() -> None:
    course = under_way(8)
    course.acknowledge(1)
    course.now += 7200  # the lid was closed
    for try_id in (2, 3, 4):
        course.fail(try_id, AWAY)
    out_for(course, PATIENCE_S - 10)
    course.assert_finished(course.finish())


def test_patience_begins_anew_with_every_outage() -> None:
    course = under_way(30, most=1)
    for _ in range(5):
        course.acknowledge(max(course.moving))
        out_for(course, PATIENCE_S - 10)
        course.now += 10
        while not course.moving:
            if isinstance(course.ask(), SignParts):
                course.sign()
    course.assert_finished(course.finish())


def test_retries_beyond_the_budget_are_made_one_at_a_time() -> None:
    course = under_way(8, budget=RetryBudget(5))
    course.machine.part_failed(1, CUT, course.now, 0.5)
    course.machine.part_failed(2, CUT, course.now, 0.5)
    assert course.machine.tally.retries == 1
    assert course.machine.next(course.now) == Wait(5.0)
    assert course.machine.pace.limit == 1


def test_a_process_without_a_budget_still_gives_up_in_the_end() -> None:
    course = under_way(1, budget=RetryBudget(0))
    for _ in range(MOST_ATTEMPTS):
        command = course.machine.next(course.now)
        if isinstance(command, Wait):
            course.now += command.at_most_s
            command = course.machine.next(course.now)
        if isinstance(command, MovePart):
            course.moving[command.try_id] = command
        course.machine.part_failed(max(course.moving), CUT, course.now, 0.5)
    assert course.machine.next(course.now) == Fail("part 1: the connection was cut")


def test_successes_earn_the_process_its_retries_back() -> None:
    budget = RetryBudget(5)
    course = under_way(8, budget=budget)
    course.fail(1, CUT)
    course.finish()
    assert budget.spend()


def test_a_late_part_of_an_upload_is_tried_a_second_time() -> None:
    course = with_a_late_part(race=True)
    second = course.ask()
    assert isinstance(second, MovePart)
    assert (second.part.number, course.machine.tally.second_tries) == (1, 1)
    assert course.acknowledge(second.try_id) == (1,)
    assert course.machine.tally.second_tries_won == 1


def test_the_bytes_of_the_try_that_came_second_are_counted_as_wasted() -> None:
    course = with_a_late_part(race=True)
    second = course.ask()
    assert isinstance(second, MovePart)
    course.acknowledge(1)
    assert course.acknowledge(second.try_id) is None
    tally = course.machine.tally
    assert (tally.second_tries_won, tally.wasted_bytes) == (0, 3)
    course.assert_finished(course.ask())


def test_of_two_tries_one_may_fail() -> None:
    course = with_a_late_part(race=True)
    second = course.ask()
    assert isinstance(second, MovePart)
    course.fail(1, GONE)
    course.acknowledge(second.try_id)
    course.assert_finished(course.ask())


def test_a_late_part_is_not_tried_with_a_url_that_died() -> None:
    course = under_way(8)
    for _ in range(6):
        course.acknowledge(max(course.moving))
        course.ask_until_wait()
    course.fail(2, EXPIRED)
    course.ask()
    course.sign()
    course.ask()
    course.acknowledge(max(course.moving))
    course.now += 10
    assert course.ask() == Wait(1.0)


def test_a_late_part_of_a_download_is_cut_and_begun_again() -> None:
    course = with_a_late_part(race=False)
    assert course.ask() == CutPart(1)
    course.fail(1, CUT)
    again = course.ask()
    assert isinstance(again, MovePart)
    assert again.part.number == 1
    tally = course.machine.tally
    assert (tally.second_tries, tally.retries, tally.outages) == (1, 0, 0)


def test_bytes_that_moved_widen_the_pace() -> None:
    course = under_way(40, most=10)
    course.machine.moved(1_000_000, course.now)
    assert course.machine.pace.limit == 8
