"""Pure: what to do about a request that failed.

Full jitter as in "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

MOST_ATTEMPTS = 8
_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 10.0
_EXPIRED_WORDS = ("expired", "ExpiredToken")
_MOST_SIGNATURES = 3
_TRANSIENT = {0, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True)
class RetryIn:
    """Try the same request again after this delay."""

    delay_s: float
    reason: str


@dataclass(frozen=True)
class SignAgain:
    """The URL died before it was used: ask for another one."""

    reason: str


@dataclass(frozen=True)
class GiveUp:
    """Trying again would not help."""

    why: str


Decision = RetryIn | SignAgain | GiveUp


@dataclass(frozen=True)
class Failure:
    """One failed request: an HTTP status with S3's error text, or status 0 and what the socket said."""

    status: int
    text: str
    retry_after_s: float = 0.0


def after(failure: Failure, attempt: int, luck: float) -> Decision:
    """Decide what follows a failed request.

    Args:
        failure: what came back.
        attempt: how many times this request has failed by now, at least 1.
        luck: a random number from 0 to 1 that spreads the delays.
    """
    if failure.status == HTTPStatus.FORBIDDEN and any(word in failure.text for word in _EXPIRED_WORDS):
        return SignAgain("the URL expired") if attempt <= _MOST_SIGNATURES else GiveUp(failure.text)
    # A broken body is refused with 400 and is worth sending again; other 4xx answers will not change.
    transient = (
        failure.status in _TRANSIENT
        or failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or "BadDigest" in failure.text
    )
    if not transient or attempt >= MOST_ATTEMPTS:
        return GiveUp(failure.text)
    ceiling = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0**attempt)
    return RetryIn(max(failure.retry_after_s, luck * ceiling), failure.text)
