"""Pure: the port to a message queue with SQS's rules.

A received message is hidden for its visibility timeout and comes back unless it is deleted by then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.events.bookkeeping import Bookkeeping
from sleap_rtc.storage.errors import ExitCode, SleapRtcError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class HandleDead(SleapRtcError):
    """The message is not ours any more: its visibility ran out, or it was deleted."""


class MessageTooLarge(SleapRtcError):
    """Queue {queue} takes no message of this size: {why}"""

    exit_code = ExitCode.BAD_INPUT
    queue: str
    why: str


@dataclass(frozen=True)
class Message:
    """One delivery of a message. The receipt handle belongs to this delivery alone.

    Args:
        message_id: stays the same over deliveries, but not over continuations.
        body: byte for byte what was sent.
        receipt_handle: settles this delivery.
        receive_count: how often it was received, for whatever reason: it says nothing about failures.
        attempts: failures that we counted ourselves.
        done: records of it that were settled in an earlier attempt.
        sent_at: when it was put on the queue.
        traceparent: the W3C trace context that its sender noted.
        not_before: when it is due, if that is later than it came.
        attributes: all its attributes, as they came.
    """

    message_id: str
    body: str
    receipt_handle: str
    receive_count: int
    attempts: int = 0
    done: frozenset[str] = frozenset()
    sent_at: datetime | None = None
    traceparent: str = ""
    not_before: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def received(
        cls,
        message_id: str,
        body: str,
        receipt_handle: str,
        receive_count: int,
        sent_at: datetime | None,
        attributes: Mapping[str, str],
    ) -> Message:
        """Make a delivery of what came off a queue, with our notes on it read."""
        noted = Bookkeeping.read(attributes)
        return cls(
            message_id,
            body,
            receipt_handle,
            receive_count,
            attempts=noted.attempts,
            done=noted.done,
            sent_at=sent_at,
            traceparent=noted.traceparent,
            not_before=noted.not_before,
            attributes=attributes,
        )


class Queue(Protocol):
    """One queue. Every method may raise Unreachable."""

    name: str

    async def receive(self, most: int, wait_s: int, visibility_s: int) -> list[Message]:
        """Wait up to `wait_s` seconds for up to `most` messages (at most 10)."""

    async def send(self, body: str, delay_s: int = 0, attributes: Mapping[str, str] | None = None) -> None:
        """Put a message on the queue, hidden for the first `delay_s` seconds (at most 900).

        Raises:
            MessageTooLarge: body and attributes are more than the queue takes.
        """

    async def extend(self, message: Message, visibility_s: int) -> None:
        """Hide a message for this long from now; 0 gives it back at once. Raises HandleDead."""

    async def delete(self, message: Message) -> None:
        """Settle a message. Raises HandleDead, though not for every stale handle."""
