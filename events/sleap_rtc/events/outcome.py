"""Pure: what a handler can say about a message when it is through with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sleap_rtc.events.delivery import Trouble


@dataclass(frozen=True)
class Done:
    """The message is settled."""


@dataclass(frozen=True)
class RetryLater:
    """Nothing is wrong with the message: show it again after this delay. It is not counted."""

    delay_s: float
    reason: str


@dataclass(frozen=True)
class Unfinished:
    """The attempt failed. It is counted if the trouble is of a kind that counts.

    Args:
        trouble: what went wrong; it says when the next attempt is due.
        reason: the same in words.
        done: records of the message that need not be handled again.
    """

    trouble: Trouble
    reason: str
    done: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Poison:
    """No delivery of this message can ever succeed.

    Args:
        code: stable, for metrics and scripts; docs/events.md lists them all.
        reason: a sentence for the operator.
    """

    code: str
    reason: str


Outcome = Done | RetryLater | Unfinished | Poison
