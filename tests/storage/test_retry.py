"""What follows a failed request: again later, again with another URL, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.storage.retry import MOST_ATTEMPTS, Failure, GiveUp, RetryIn, SignAgain, after

NO_ANSWER = Failure(0, "the connection was cut")
ATTEMPTS = st.integers(1, MOST_ATTEMPTS - 1)
LUCK = st.floats(0, 1)


@pytest.mark.parametrize(
    "failure",
    [
        NO_ANSWER,
        Failure(408, "HTTP 408"),
        Failure(429, "HTTP 429"),
        Failure(500, "HTTP 500 InternalError: "),
        Failure(503, "HTTP 503 SlowDown: Please reduce your request rate."),
        Failure(400, "HTTP 400 BadDigest: The CRC64NVME you specified did not match"),
        Failure(400, "HTTP 400 RequestTimeout: Your socket connection was not read from"),
        Failure(400, "HTTP 400 IncompleteBody: You did not provide the number of bytes specified"),
    ],
    ids=lambda failure: failure.text,
)
def test_what_may_pass_is_tried_again_and_not_for_ever(failure: Failure) -> None:
    decisions = [after(failure, attempt, 0.5) for attempt in range(1, MOST_ATTEMPTS + 1)]
    assert all(isinstance(decision, RetryIn) for decision in decisions[:-1])
    assert decisions[-1] == GiveUp(failure.text)


@pytest.mark.parametrize(
    "failure",
    [
        Failure(403, "HTTP 403 AccessDenied: Access Denied"),
        Failure(403, "HTTP 403 SignatureDoesNotMatch: "),
        Failure(404, "HTTP 404 NoSuchUpload: "),
        Failure(400, "HTTP 400 InvalidRequest: "),
        Failure(412, "HTTP 412 PreconditionFailed: "),
        Failure(200, "HTTP 200"),
    ],
    ids=lambda failure: failure.text,
)
def test_what_will_not_change_is_given_up_at_once(failure: Failure) -> None:
    assert after(failure, 1, 0.5) == GiveUp(failure.text)


@pytest.mark.parametrize(
    "failure",
    [
        Failure(403, "HTTP 403 AccessDenied: Request has expired"),
        Failure(400, "HTTP 400 ExpiredToken: The provided token has expired."),
        Failure(403, "HTTP 403 ExpiredToken: The provided token has expired."),
    ],
    ids=lambda failure: failure.text,
)
@given(attempt=ATTEMPTS)
def test_a_dead_url_is_signed_again_whatever_failed_before(failure: Failure, attempt: int) -> None:
    assert isinstance(after(failure, attempt, 0.5), SignAgain)


def test_urls_that_are_born_dead_are_not_asked_for_without_end() -> None:
    text = "HTTP 403 AccessDenied: Request has expired"
    assert after(Failure(403, text), MOST_ATTEMPTS, 0.5) == GiveUp(text)


@given(ATTEMPTS, LUCK, LUCK)
def test_delays_spread_below_a_ceiling_that_doubles(attempt: int, luck: float, more: float) -> None:
    ceiling = min(10.0, 0.2 * 2**attempt)
    delays = [_delay(after(NO_ANSWER, attempt, chance)) for chance in sorted([luck, more])]
    assert 0 <= delays[0] <= delays[1] <= ceiling
    assert _delay(after(NO_ANSWER, attempt, 0)) == 0
    assert _delay(after(NO_ANSWER, attempt, 1)) == ceiling


def test_the_store_may_ask_for_a_longer_delay() -> None:
    assert _delay(after(Failure(503, "SlowDown", retry_after_s=30), 1, 0.5)) == 30
    assert _delay(after(Failure(503, "SlowDown", retry_after_s=1e9), 1, 0.5)) == 60
    assert _delay(after(Failure(503, "SlowDown", retry_after_s=0.1), 7, 1)) == 10


def _delay(decision: object) -> float:
    assert isinstance(decision, RetryIn)
    return decision.delay_s
