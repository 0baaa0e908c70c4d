"""What follows a failed request: again later, nothing for a while, again with another URL, or the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.storage.retry import (
    FIRST_PATIENCE_S,
    MOST_ATTEMPTS,
    PATIENCE_S,
    Decision,
    Failure,
    GiveUp,
    HoldOff,
    Past,
    RetryIn,
    SignAgain,
    after,
)

CUT = Failure(0, "the connection was cut")
AWAY = Failure(0, "connection refused", away=True)
BUSY = Failure(503, "HTTP 503 SlowDown: Please reduce your request rate.")
EXPIRED = Failure(403, "HTTP 403 AccessDenied: Request has expired")
DENIED = Failure(403, "HTTP 403 AccessDenied: Access Denied")
LUCK = st.floats(0, 1)
ATTEMPTS = st.integers(1, MOST_ATTEMPTS - 1)
OUTAGES = st.integers(1, 1000)


def by_text(failure: Failure) -> str:
    return failure.text


def delay_s(decision: Decision) -> float:
    assert isinstance(decision, RetryIn | HoldOff)
    return decision.delay_s


@pytest.mark.parametrize(
    "failure",
    [
        CUT,
        Failure(408, "HTTP 408"),
        Failure(500, "HTTP 500 InternalError: "),
        Failure(501, "HTTP 501 NotImplemented: "),
        Failure(400, "HTTP 400 BadDigest: The CRC64NVME you specified did not match"),
        Failure(400, "HTTP 400 RequestTimeout: Your socket connection was not read from"),
        Failure(400, "HTTP 400 IncompleteBody: You did not provide the number of bytes specified"),
    ],
    ids=by_text,
)
def test_what_may_pass_is_tried_again_and_not_for_ever(failure: Failure) -> None:
    decisions = [after(failure, Past(attempt), 0.5) for attempt in range(1, MOST_ATTEMPTS + 1)]
    assert all(isinstance(decision, RetryIn) for decision in decisions[:-1])
    assert decisions[-1] == GiveUp(failure.text)


OVERLOADED = pytest.mark.parametrize(
    "failure", [AWAY, BUSY, *(Failure(status, f"HTTP {status}") for status in (429, 502, 504))], ids=by_text
)


@OVERLOADED
@given(attempt=st.integers(1, 1000), outages=OUTAGES, luck=LUCK)
def test_a_store_that_is_busy_or_away_holds_everything_off(
    failure: Failure, attempt: int, outages: int, luck: float
) -> None:
    decision = after(failure, Past(attempt, outages), luck)
    assert isinstance(decision, HoldOff)
    assert decision.reason == failure.text


@OVERLOADED
@pytest.mark.parametrize(("succeeded", "patience_s"), [(True, PATIENCE_S), (False, FIRST_PATIENCE_S)])
def test_patience_is_long_once_something_went_through(
    failure: Failure, succeeded: bool, patience_s: float
) -> None:
    at_its_end = Past(1, away_for_s=patience_s, succeeded=succeeded)
    beyond = Past(1, away_for_s=patience_s + 1, succeeded=succeeded)
    assert isinstance(after(failure, at_its_end, 0.5), HoldOff)
    assert after(failure, beyond, 0.5) == GiveUp(failure.text)


@pytest.mark.parametrize(
    "failure",
    [
        Failure(404, "HTTP 404 NoSuchUpload: "),
        Failure(400, "HTTP 400 InvalidRequest: "),
        Failure(412, "HTTP 412 PreconditionFailed: "),
        Failure(200, "HTTP 200"),
        Failure(0, "the TLS certificate was not accepted", away=True, hopeless=True),
    ],
    ids=by_text,
)
def test_what_will_not_change_is_given_up_at_once(failure: Failure) -> None:
    assert after(failure, Past(1), 0.5) == GiveUp(failure.text)


@pytest.mark.parametrize(
    "failure",
    [
        EXPIRED,
        Failure(400, "HTTP 400 ExpiredToken: The provided token has expired."),
        Failure(403, "HTTP 403 ExpiredToken: The provided token has expired."),
    ],
    ids=by_text,
)
@given(attempt=st.integers(1, 100), signatures=st.integers(0, MOST_ATTEMPTS - 1))
def test_a_dead_url_is_signed_again_whatever_failed_before(
    failure: Failure, attempt: int, signatures: int
) -> None:
    assert after(failure, Past(attempt, signatures=signatures), 0.5) == SignAgain("the URL expired")


def test_urls_that_are_born_dead_are_not_asked_for_without_end() -> None:
    assert after(EXPIRED, Past(1, signatures=MOST_ATTEMPTS), 0.5) == GiveUp(EXPIRED.text)


def test_a_refusal_is_worth_one_fresh_signature() -> None:
    assert after(DENIED, Past(1), 0.5) == SignAgain(DENIED.text)
    assert after(DENIED, Past(1, signatures=1), 0.5) == GiveUp(DENIED.text)


@pytest.mark.parametrize(("skew_s", "told"), [(3600, "60 minutes ahead of"), (-420, "7 minutes behind")])
def test_a_wrong_clock_is_told_when_a_fresh_url_was_refused_too(skew_s: float, told: str) -> None:
    failure = Failure(403, EXPIRED.text, skew_s=skew_s)
    assert isinstance(after(failure, Past(1), 0.5), SignAgain)
    decision = after(failure, Past(1, signatures=1), 0.5)
    assert isinstance(decision, GiveUp)
    assert f"the URLs is {told} the store's; set it right" in decision.why


@given(st.floats(-300, 300))
def test_a_clock_that_is_a_little_wrong_is_not_blamed(skew_s: float) -> None:
    failure = Failure(403, EXPIRED.text, skew_s=skew_s)
    assert isinstance(after(failure, Past(1, signatures=1), 0.5), SignAgain)


@given(ATTEMPTS, LUCK, LUCK)
def test_delays_spread_below_a_ceiling_that_doubles(attempt: int, luck: float, more: float) -> None:
    ceiling_s = min(8.0, 0.2 * 2**attempt)
    first, second = (delay_s(after(CUT, Past(attempt), chance)) for chance in sorted([luck, more]))
    assert 0 <= first <= second <= ceiling_s
    assert delay_s(after(CUT, Past(attempt), 0)) == 0
    assert delay_s(after(CUT, Past(attempt), 1)) == ceiling_s


@given(OUTAGES, LUCK)
def test_a_hold_lasts_at_least_half_of_its_ceiling(outages: int, luck: float) -> None:
    ceiling_s = min(8.0, 0.2 * 2**outages)
    assert ceiling_s / 2 <= delay_s(after(BUSY, Past(1, outages), luck)) <= ceiling_s


@given(st.integers(1, 999), LUCK)
def test_holds_grow_with_the_outage(outages: int, luck: float) -> None:
    shorter, longer = (delay_s(after(BUSY, Past(1, count), luck)) for count in (outages, outages + 1))
    assert shorter <= longer


@given(st.floats(0, 1e9), OUTAGES, LUCK)
def test_the_delay_that_the_store_asks_for_is_obeyed_up_to_a_minute(
    asked_s: float, outages: int, luck: float
) -> None:
    held_s = delay_s(after(Failure(503, "SlowDown", retry_after_s=asked_s), Past(1, outages), luck))
    assert min(asked_s, 60) <= held_s <= max(8, min(asked_s, 60))
