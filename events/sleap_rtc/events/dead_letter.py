"""Pure: what is written on a message that goes to the dead letters.

The letter's body is the message's own, byte for byte, so that any redrive works, AWS's too. What we know
about it stands in its attributes: 10, as many as SQS allows. None has the name of a note that a consumer
reads (`bookkeeping`) but the trace, so that a letter which is put back starts with no failures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.events.bookkeeping import TRACEPARENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleap_rtc.events.queue import Message

MOST_REASON_CHARACTERS = 1000
# SQS Developer Guide, "Message quotas"; tab and line ends are allowed there, but not wanted in a table.
_NOT_ALLOWED = re.compile("[^\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")


@dataclass(frozen=True)
class DeadLetter:
    """Why a message was given up, and where it came from.

    Args:
        reason_code: stable, see `outcome.Poison`.
        reason: a sentence for the operator.
        attempts: how many attempts we counted, with the last.
        receive_count: how often SQS delivered it.
        queue: the queue that it came from.
        message_id: its id there.
        sent_at: when it was put on that queue.
        buried_at: when it was given up.
        instance: the process that gave it up.
        traceparent: the W3C trace context that it belongs to.
    """

    reason_code: str
    reason: str
    attempts: int
    receive_count: int
    queue: str
    message_id: str
    sent_at: datetime | None
    buried_at: datetime
    instance: str = ""
    traceparent: str = ""

    def attributes(self) -> dict[str, str]:
        """Return the letter's attributes; what is empty is left out, since SQS refuses it."""
        noted = {
            "reason_code": self.reason_code,
            "reason": self.reason,
            "failed_attempts": str(self.attempts),
            "receive_count": str(self.receive_count),
            "source_queue": self.queue,
            "message_id": self.message_id,
            "sent_at": self.sent_at.isoformat() if self.sent_at else "",
            "buried_at": self.buried_at.isoformat(),
            "instance": self.instance,
            TRACEPARENT: self.traceparent,
        }
        written = {name: attribute_text(value) for name, value in noted.items()}
        return {name: value for name, value in written.items() if value}

    @classmethod
    def read(cls, attributes: Mapping[str, str]) -> DeadLetter | None:
        """Read a letter's attributes; None if it was not a consumer of ours that wrote it."""
        try:
            return cls(
                reason_code=attributes["reason_code"],
                reason=attributes.get("reason", ""),
                attempts=int(attributes["failed_attempts"]),
                receive_count=int(attributes["receive_count"]),
                queue=attributes["source_queue"],
                message_id=attributes["message_id"],
                sent_at=_time(attributes.get("sent_at")),
                buried_at=datetime.fromisoformat(attributes["buried_at"]),
                instance=attributes.get("instance", ""),
                traceparent=attributes.get(TRACEPARENT, ""),
            )
        except (KeyError, ValueError):
            return None


def letter_of(
    message: Message, code: str, reason: str, *, queue: str, attempts: int, now: datetime, instance: str
) -> DeadLetter:
    """Return the letter for a message that is given up."""
    return DeadLetter(
        reason_code=code,
        reason=reason,
        attempts=attempts,
        receive_count=message.receive_count,
        queue=queue,
        message_id=message.message_id,
        sent_at=message.sent_at,
        buried_at=now.astimezone(UTC),
        instance=instance,
        traceparent=message.traceparent,
    )


def attribute_text(text: str) -> str:
    """Return a text as SQS takes it: no control characters, and no longer than an operator reads."""
    allowed = _NOT_ALLOWED.sub(" ", text).strip()
    return allowed if len(allowed) <= MOST_REASON_CHARACTERS else allowed[: MOST_REASON_CHARACTERS - 1] + "…"


def _time(noted: str | None) -> datetime | None:
    return datetime.fromisoformat(noted) if noted else None
