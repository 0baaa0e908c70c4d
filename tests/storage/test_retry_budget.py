"""How many retries a process may add to a store's load."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.storage.retry_budget import RetryBudget


def spend_all(budget: RetryBudget) -> int:
    """Spend until nothing is left, and return how many retries that were."""
    count = 0
    while budget.spend():
        count += 1
    return count


def test_a_process_may_retry_a_hundred_times_without_a_success() -> None:
    assert spend_all(RetryBudget()) == 100


def test_five_successes_earn_a_retry() -> None:
    budget = RetryBudget()
    spend_all(budget)
    for _ in range(4):
        budget.earn()
    assert not budget.spend()
    budget.earn()
    assert budget.spend()


def test_successes_earn_no_more_than_there_was() -> None:
    budget = RetryBudget(10)
    for _ in range(100):
        budget.earn()
    assert spend_all(budget) == 2


@given(st.integers(0, 100), st.lists(st.booleans()))
def test_what_is_spent_never_exceeds_what_there_was_and_was_earned(
    tokens: int, successes: list[bool]
) -> None:
    budget = RetryBudget(tokens)
    spent = 0
    for success in successes:
        if success:
            budget.earn()
        else:
            spent += budget.spend()
    assert 5 * spent <= tokens + sum(successes)


def test_threads_share_it() -> None:
    budget, counts = RetryBudget(), list[int]()
    threads = [threading.Thread(target=lambda: counts.append(spend_all(budget))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 100
