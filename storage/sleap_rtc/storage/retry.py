"""Pure: what to do about a request that failed.

A store that says "slow down" and a connection that was reset are two things: after the first nothing is sent
for a while by anybody, after the second the one request is sent again. Full jitter as in "Exponential
Backoff and Jitter" (AWS Architecture Blog, 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

RetryReason = Literal["timeout", "connection", "throttled", "server", "checksum", "expired", "refused"]
"""Why a part is tried again, in one of a few words."""
MOST_ATTEMPTS = 8
# How long a transfer that was going well waits for a network or a store that went away, and how long one
# that has never got through: there a wrong address is likelier than an outage.
PATIENCE_S = 900.0
FIRST_PATIENCE_S = 20.0
_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 8.0
# A Retry-After beyond this is not waited for.
_LONGEST_ASKED_S = 60.0
_OVERLOADED = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
# A body that arrived broken, late or in part is refused with 400 and is worth sending again.
_BROKEN_BODY = ("BadDigest", "IncompleteBody", "RequestTimeout")
# S3 answers 403 "Request has expired" where the URL is too old, and 400 ExpiredToken where the signer's own
# credentials are.
_EXPIRED = {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN}
_NOTABLE_SKEW_S = 300.0


@dataclass(frozen=True)
class Failure:
    """One failed request: an HTTP status with S3's error text, or status 0 and what the socket said.

    Attributes:
        status: of the reply, 0 if there was none.
        text: for people; holds S3's error code, never a URL's query.
        retry_after_s: what the reply asked for.
        away: nobody could be reached, so the next request would fare the same.
        hopeless: nobody will be reached, however often it is tried.
        skew_s: by how much the clock that signed the request was ahead of the store's, in seconds.
    """

    status: int
    text: str
    retry_after_s: float = 0.0
    away: bool = False
    hopeless: bool = False
    skew_s: float = 0.0


@dataclass(frozen=True)
class Past:
    """What is known of a request and its transfer when it fails.

    Attributes:
        attempt: how many times this request has failed by now, at least 1.
        outages: how many times in a row the store was found overloaded or away, at least 1.
        signatures: how many URLs in a row were refused for this part.
        away_for_s: time since the store was first found so.
        succeeded: whether anything ever went through.
    """

    attempt: int
    outages: int = 1
    signatures: int = 0
    away_for_s: float = 0.0
    succeeded: bool = True


@dataclass(frozen=True)
class RetryIn:
    """Try this request again after a delay; the others go on."""

    delay_s: float
    reason: str


@dataclass(frozen=True)
class HoldOff:
    """Send nothing at all for so long, then try with one request."""

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


Decision = RetryIn | HoldOff | SignAgain | GiveUp


def after(failure: Failure, past: Past, luck: float) -> Decision:
    """Decide what follows a failed request.

    Args:
        failure: what came back.
        past: what happened before.
        luck: a random number from 0 to 1 that spreads the delays.
    """
    if failure.status in _EXPIRED and not _is_broken_body(failure):
        return _refused(failure, past)
    overloaded = failure.away or failure.status in _OVERLOADED
    transient = (
        overloaded
        or failure.status in {0, HTTPStatus.REQUEST_TIMEOUT}
        or failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or _is_broken_body(failure)
    )
    patience_s = PATIENCE_S if past.succeeded else FIRST_PATIENCE_S
    tired = past.away_for_s > patience_s if overloaded else past.attempt >= MOST_ATTEMPTS
    if failure.hopeless or not transient or tired:
        return GiveUp(failure.text)
    if overloaded:
        asked = min(failure.retry_after_s, _LONGEST_ASKED_S)
        delay_s = _FIRST_DELAY_S * 2.0**past.outages
        return HoldOff(max(asked, (0.5 + luck / 2) * min(_LONGEST_DELAY_S, delay_s)), failure.text)
    return RetryIn(luck * min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0**past.attempt), failure.text)


def reason_of(failure: Failure) -> RetryReason:
    """Return in a word what kind of failure it was."""
    if not failure.status or "IncompleteBody" in failure.text:
        return "timeout" if "no byte for" in failure.text or "no answer" in failure.text else "connection"
    if failure.status == HTTPStatus.REQUEST_TIMEOUT or "RequestTimeout" in failure.text:
        return "timeout"
    if "BadDigest" in failure.text:
        return "checksum"
    if failure.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return "throttled"
    if failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "server"
    return "expired" if "expired" in failure.text else "refused"


def _is_broken_body(failure: Failure) -> bool:
    return any(code in failure.text for code in _BROKEN_BODY)


def _refused(failure: Failure, past: Past) -> Decision:
    """A refusal is worth one fresh signature, an expiry several, unless a wrong clock explains it."""
    expired = "expired" in failure.text
    if abs(failure.skew_s) > _NOTABLE_SKEW_S and past.signatures:
        side = "ahead of" if failure.skew_s > 0 else "behind"
        minutes = round(abs(failure.skew_s) / 60)
        return GiveUp(
            f"the clock of the machine that signs the URLs is {minutes} minutes {side} the store's; "
            "set it right there"
        )
    if failure.status != HTTPStatus.FORBIDDEN and not expired:
        return GiveUp(failure.text)
    if past.signatures < (MOST_ATTEMPTS if expired else 1):
        return SignAgain("the URL expired" if expired else failure.text)
    return GiveUp(failure.text)
