"""How many parts are under way at once: what the rule does, and how it fares on links in virtual time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from support.simulated_link import MB, Link, Simulation

from sleap_rtc.storage.pace import Pace
from sleap_rtc.storage.part_machine import PartMachine
from sleap_rtc.storage.part_plan import MIB, plan_parts
from sleap_rtc.storage.retry_budget import RetryBudget

if TYPE_CHECKING:
    from sleap_rtc.storage.upload_session import SentPart

GIB = 1024 * MIB
FIXED = (1, 2, 3, 4, 6, 8, 10)


class Transfer:
    """A transfer seen by its pace: every second so many bytes go through, with all lanes at work."""

    def __init__(self, most: int = 10) -> None:
        self.pace = Pace(most, 0.0)
        self.now = 0.0
        self.total = 0

    def second(self, moved: float, *, idle: int = 0) -> int:
        """Let a second pass and return the limit after it."""
        self.now += 1
        self.total += round(moved)
        self.pace.moved(self.total, self.pace.limit - idle, self.now)
        return self.pace.limit

    def seconds(self, count: int, rate_of: float = math.inf, limit: float = math.inf) -> list[int]:
        """Let seconds pass in which each lane moves so much, all together no more than a limit."""
        return [self.second(min(limit, rate_of * self.pace.limit)) for _ in range(count)]


def machine(size_bytes: int, most: int = 10) -> PartMachine[SentPart]:
    return PartMachine(plan_parts(size_bytes), most=most, race=True, now=0.0, budget=RetryBudget())


def adaptive(link: Link, size_bytes: int) -> Simulation:
    simulation = Simulation(link, [machine(size_bytes)])
    simulation.run()
    return simulation


def best_fixed(link: Link, size_bytes: int) -> float:
    durations = []
    for number in FIXED:
        fixed = machine(size_bytes, number)
        fixed.pace = Pace(number, 0.0, first=number)
        durations.append(Simulation(link, [fixed]).run())
    return min(durations)


def test_it_begins_with_four_and_never_exceeds_the_upper_bound() -> None:
    assert Pace(10, 0.0).limit == 4
    assert Pace(2, 0.0).limit == 2
    assert max(Transfer(9).seconds(60, rate_of=2 * MB)) == 9


def test_it_doubles_while_more_connections_bring_more_bytes() -> None:
    assert Transfer(40).seconds(4, rate_of=2 * MB) == [8, 16, 32, 40]


def test_a_step_that_brings_nothing_is_taken_back_and_not_repeated_soon() -> None:
    limits = Transfer().seconds(14, rate_of=2 * MB, limit=8 * MB)
    assert limits == [8, 4, *[4] * 11, 5]


def test_within_a_second_nothing_is_judged() -> None:
    pace = Pace(10, 0.0)
    pace.moved(10**9, 4, 0.9)
    assert pace.limit == 4


def test_lanes_that_had_nothing_to_do_prove_nothing() -> None:
    transfer = Transfer()
    assert [transfer.second(MB, idle=1) for _ in range(5)] == [4] * 5


def test_a_second_that_ends_with_a_part_is_judged_by_how_many_were_at_work_in_it() -> None:
    transfer = Transfer()
    transfer.pace.started(4)
    assert transfer.second(8 * MB, idle=1) == 8


def test_a_second_in_which_old_parts_were_still_under_way_proves_nothing() -> None:
    transfer = Transfer()
    transfer.pace.started(7)
    assert transfer.second(8 * MB) == 4


def test_a_refusal_halves_the_number_and_lets_one_request_ask_first() -> None:
    pace = Pace(10, 0.0, first=10)
    pace.held_off(3.0, 1.5, 2.0)
    assert (pace.limit, pace.careful, pace.held_for_s(2.5)) == (1, True, 2.5)
    pace.succeeded()
    assert (pace.limit, pace.careful, pace.held_for_s(6.0)) == (5, False, 0.0)


def test_a_refusal_right_after_a_step_goes_back_to_what_was_enough() -> None:
    transfer = Transfer()
    assert transfer.seconds(2, rate_of=MB) == [8, 10]
    transfer.pace.held_off(3.0, 1.5, 2.0)
    transfer.pace.succeeded()
    assert transfer.seconds(20, rate_of=MB) == [8] * 20


def test_refusals_of_what_was_under_way_halve_it_once() -> None:
    pace = Pace(10, 0.0, first=8)
    for arrival in range(8):
        pace.held_off(1.0, 0.5, 1.0 + arrival / 10)
    assert pace.outages == 1
    pace.succeeded()
    pace.held_off(1.0, 0.5, 2.5)
    assert pace.limit == 4


def test_of_several_delays_that_were_asked_for_the_longest_counts() -> None:
    pace = Pace(10, 0.0)
    pace.held_off(1.0, 0.5, 1.0)
    pace.held_off(30.0, 0.5, 1.0)
    pace.held_off(2.0, 0.5, 1.0)
    assert pace.held_for_s(1.0) == 30.0


def test_the_length_of_an_outage_does_not_narrow_what_follows() -> None:
    pace = Pace(10, 0.0, first=10)
    for second in range(60):
        pace.held_off(0.5, second, second)
    pace.succeeded()
    assert pace.limit == 5


def test_in_an_outage_nothing_is_judged() -> None:
    transfer = Transfer()
    transfer.pace.held_off(0.1, 0.0, 0.0)
    transfer.seconds(5, rate_of=MB)
    transfer.pace.succeeded()
    assert transfer.pace.limit == 2


def test_the_number_that_was_refused_is_not_tried_again_soon() -> None:
    transfer = Transfer()
    transfer.pace.held_off(0.1, 0.0, 0.0)
    transfer.pace.succeeded()
    limits = transfer.seconds(33, rate_of=MB)
    assert limits == [3, *[3] * 31, 4]


@pytest.mark.parametrize(
    ("link", "size_bytes"),
    [
        (Link(per_connection=2 * MB), GIB),
        (Link(per_connection=2 * MB, round_trip_s=1.0), GIB),
        (Link(shared=3 * MB), 300_000_000),
        (Link(shared=20 * MB, at_once=4), GIB),
        (Link(per_connection=5 * MB, shared=20 * MB, at_once=4), GIB),
    ],
    ids=[
        "slow connections",
        "far away",
        "slow uplink",
        "store takes four",
        "store takes four, slow connections",
    ],
)
def test_the_adaptive_number_is_within_a_tenth_of_the_best_fixed_one(link: Link, size_bytes: int) -> None:
    assert adaptive(link, size_bytes).now <= 1.10 * best_fixed(link, size_bytes)


def test_parts_that_take_a_fraction_of_a_second_widen_the_pace_too() -> None:
    fast = adaptive(Link(per_connection=50 * MB, round_trip_s=0.03), GIB)
    assert fast.machines[0].pace.limit == 10


def test_a_store_with_a_limit_is_not_sent_bodies_that_it_refuses() -> None:
    limited = adaptive(Link(shared=20 * MB, at_once=4), GIB)
    assert limited.offered_bytes < 1.02 * GIB
    assert limited.refused < 10


class Outage:
    """A hundred uploads of 64 MiB to a store that refuses everything for a minute, parts being under way."""

    useful = 100 * 64 * MIB

    def __init__(self, *, begins: float, cuts: bool) -> None:
        self.begins, self.ends = begins, begins + 60.0
        self.link = Link(per_connection=2 * MB, shared=200 * MB, outage=(begins, self.ends), outage_cuts=cuts)
        self.simulation = Simulation(self.link, [machine(64 * MIB, most=4) for _ in range(100)])
        self.simulation.run()

    def best_goodput_after(self, seconds: int) -> float:
        """Return the most that went through in one of the first seconds after the outage."""
        ends = self.ends
        return max(self.simulation.goodput(ends + n, ends + n + 1) for n in range(seconds))


def test_bodies_are_not_sent_into_an_outage() -> None:
    outage = Outage(begins=10.0, cuts=False)
    assert outage.simulation.offered_bytes <= 1.2 * outage.useful
    assert outage.simulation.requests <= 3000


def test_an_outage_that_cuts_what_is_under_way_costs_that_and_little_more() -> None:
    simulation = Outage(begins=25.0, cuts=True).simulation
    assert simulation.offered_bytes - simulation.carried[-1][1] <= 0.02 * Outage.useful


@pytest.mark.parametrize(("begins", "cuts"), [(10.0, False), (25.0, True)], ids=["refuses", "cuts"])
def test_ten_seconds_after_an_outage_the_link_is_full_again(begins: float, cuts: bool) -> None:
    assert Outage(begins=begins, cuts=cuts).best_goodput_after(10) >= 0.9 * 200 * MB
