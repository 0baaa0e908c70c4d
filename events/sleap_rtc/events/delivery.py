"""Pure: the rules by which a delivery is kept hidden, tried again and given up.

What went wrong decides, never how often SQS says the message was received: that number also rises when a
worker shuts down or waits for somebody else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from sleap_rtc.storage.errors import TransferFailed, Unreachable

VISIBILITY_CAP_S = 43_200
"""A message is hidden for at most 12 h after ReceiveMessage, whatever it is extended to in between (SQS
Developer Guide, "Amazon SQS visibility timeout": the 12-hour limit starts when the message is received)."""

DELAY_CAP_S = 900
"""The longest DelaySeconds of SendMessage (SQS API Reference)."""

HAND_OVER_AFTER_S = 11 * 3600.0
"""When a message still in work is replaced by a continuation: an hour before the cap."""

MOST_ATTEMPTS = 5
"""How many counted failures a message may have."""

FRESH_AFTER_RECEIVES = 500
"""A message that was received this often is replaced by a fresh one before it is waited for again, since SQS
moves it to the dead letters after 1,000 receives, and waiting is no fault of it."""

_CAP_MARGIN_S = 60  # SQS counts from somewhere inside the long poll, we from its end
_HEARTBEATS_PER_VISIBILITY = 3
_RETRIES_PER_HEARTBEAT = 6
_GROWTH = 3.0


class Trouble(StrEnum):
    """Why a message is not done. Only what may be the message's own fault is counted."""

    OUTAGE = "outage"
    """A store or queue does not answer: nothing is wrong with the message."""
    TRANSFER = "transfer"
    """A download or upload did not get through."""
    UNEXPECTED = "unexpected"
    """A fault in the program, or something that nobody thought of."""
    WAITING = "waiting"
    """Somebody else holds it."""
    DRAIN = "drain"
    """The process shuts down."""

    @property
    def counted(self) -> bool:
        """It counts towards giving up."""
        return self in _COUNTED


_COUNTED = frozenset({Trouble.TRANSFER, Trouble.UNEXPECTED})

# The shortest and the longest wait in seconds.
_BACKOFF_S = {
    Trouble.OUTAGE: (5.0, 300.0),
    Trouble.TRANSFER: (30.0, 1800.0),
    Trouble.UNEXPECTED: (30.0, 900.0),
    Trouble.WAITING: (5.0, 60.0),
    Trouble.DRAIN: (0.0, 0.0),
}


@dataclass(frozen=True)
class RetryIn:
    """Try again after this delay."""

    delay_s: float
    reason: str


@dataclass(frozen=True)
class GiveUp:
    """Do not try again."""

    code: str
    reason: str


def decide(
    trouble: Trouble, reason: str, *, failures: int, receive_count: int, most_attempts: int, chance: float
) -> RetryIn | GiveUp:
    """Return what to do with a message that is not done.

    The delay grows with the failures; in an outage, which is not counted, with the receives.

    Args:
        trouble: what went wrong.
        reason: the same in words.
        failures: counted failures of the message, with this one.
        receive_count: how often SQS delivered it; it shapes the delay in an outage, nothing else.
        most_attempts: after how many counted failures to give up.
        chance: a random number, 0 to 1.
    """
    if trouble.counted and failures >= most_attempts:
        return GiveUp("gave_up", f"{failures} attempts failed; the last one: {reason}")
    return RetryIn(backoff_s(trouble, failures if trouble.counted else receive_count, chance), reason)


def backoff_s(trouble: Trouble, count: int, chance: float) -> float:
    """Return after how many seconds to try again.

    Full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015) above the shortest
    wait: `low + chance * (min(high, low * 3 ** count) - low)`.

    Args:
        trouble: what went wrong.
        count: how often it did.
        chance: a random number, 0 to 1.
    """
    low, high = _BACKOFF_S[trouble]
    return low + chance * (min(high, low * _GROWTH ** min(count, 10)) - low)


def trouble_of(error: Exception) -> Trouble:
    """Return what an exception of a handler says about its message."""
    if isinstance(error, Unreachable):
        return Trouble.OUTAGE
    return Trouble.TRANSFER if isinstance(error, TransferFailed) else Trouble.UNEXPECTED


def heartbeat_interval_s(visibility_s: int) -> float:
    """Return the seconds between two heartbeats: two of them may be lost."""
    return visibility_s / _HEARTBEATS_PER_VISIBILITY


def heartbeat_retry_s(visibility_s: int) -> float:
    """Return the seconds to the next heartbeat after one that did not get through."""
    return heartbeat_interval_s(visibility_s) / _RETRIES_PER_HEARTBEAT


def hidden_s(wanted_s: float, elapsed_s: float) -> int:
    """Return for how many seconds a message may be hidden from now on, `elapsed_s` after it was received."""
    return max(0, min(math.ceil(wanted_s), int(VISIBILITY_CAP_S - _CAP_MARGIN_S - elapsed_s)))
