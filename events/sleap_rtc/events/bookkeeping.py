"""Pure: what we note on a message ourselves, beside a body that stays byte for byte what was sent.

It travels in SQS's message attributes, of which a message may have 10, and which count towards its size
(SQS Developer Guide, "Message metadata").
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ATTEMPTS = "attempts"
DONE = "done"
NOT_BEFORE = "not_before"
TRACEPARENT = "traceparent"


@dataclass(frozen=True)
class Bookkeeping:
    """Our notes on one message.

    Args:
        attempts: how often handling it failed, as we count it.
        done: those of its records that are settled; they are not handled again.
        not_before: when its next attempt is due, where that is later than SQS can delay it.
        traceparent: the W3C trace context that it belongs to.
    """

    attempts: int = 0
    done: frozenset[str] = frozenset()
    not_before: datetime | None = None
    traceparent: str = ""

    def attributes(self) -> dict[str, str]:
        """Return the notes as message attributes; what says nothing is left out, since SQS refuses it."""
        noted = {
            ATTEMPTS: str(self.attempts) if self.attempts else "",
            DONE: json.dumps(sorted(self.done), separators=(",", ":")) if self.done else "",
            NOT_BEFORE: self.not_before.isoformat() if self.not_before else "",
            TRACEPARENT: self.traceparent,
        }
        return {name: value for name, value in noted.items() if value}

    @classmethod
    def read(cls, attributes: Mapping[str, str]) -> Bookkeeping:
        """Read the notes; what somebody else wrote in their place counts as nothing."""
        attempts = attributes.get(ATTEMPTS, "")
        return cls(
            attempts=int(attempts) if attempts.isascii() and attempts.isdigit() else 0,
            done=_texts(attributes.get(DONE, "")),
            not_before=_time(attributes.get(NOT_BEFORE, "")),
            traceparent=attributes.get(TRACEPARENT, ""),
        )


def _texts(noted: str) -> frozenset[str]:
    try:
        found = json.loads(noted)
    except (ValueError, RecursionError):
        return frozenset()
    return (
        frozenset(text for text in found if isinstance(text, str)) if isinstance(found, list) else frozenset()
    )


def _time(noted: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(noted)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
