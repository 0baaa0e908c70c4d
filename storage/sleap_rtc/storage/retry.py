"""Pure: what to do about a request that failed.

Full jitter as in "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

MOST_ATTEMPTS = 8
_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 10.0
# A Retry-After beyond this is not waited for.
_LONGEST_ASKED_S = 60.0
# S3 answers 403 "Request has expired" where the URL is too old, and 400 ExpiredToken where the signer's own
# credentials are.
_EXPIRED = {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN}
_TRANSIENT = {0, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
# A body that arrived broken, late or in part is refused with 400 and is worth sending again.
_BROKEN_BODY = ("BadDigest", "IncompleteBody", "RequestTimeout")


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
    transient = (
        failure.status in _TRANSIENT
        or failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or any(code in failure.text for code in _BROKEN_BODY)
    )
    expired = failure.status in _EXPIRED and "expired" in failure.text
    if not (transient or expired) or attempt >= MOST_ATTEMPTS:
        return GiveUp(failure.text)
    if expired:
        return SignAgain("the URL expired")
    ceiling = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0**attempt)
    asked = min(failure.retry_after_s, _LONGEST_ASKED_S)
    return RetryIn(max(asked, luck * ceiling), failure.text)
