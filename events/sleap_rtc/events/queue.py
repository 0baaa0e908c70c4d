"""Pure: the port to a message queue with SQS's rules.

A received message is hidden for its visibility timeout and comes back unless it is deleted by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sleap_rtc.storage.errors import SleapRtcError


class HandleDead(SleapRtcError):
    """The message is not ours any more: its visibility ran out, or it was deleted."""


@dataclass(frozen=True)
class Message:
    """One delivery of a message. The receipt handle belongs to this delivery alone."""

    message_id: str
    body: str
    receipt_handle: str
    receive_count: int


class Queue(Protocol):
    """One queue. Every method may raise Unreachable."""

    name: str

    async def receive(self, most: int, wait_s: int, visibility_s: int) -> list[Message]:
        """Wait up to `wait_s` seconds for up to `most` messages (at most 10)."""

    async def send(self, body: str) -> None:
        """Put a message on the queue."""

    async def extend(self, message: Message, visibility_s: int) -> None:
        """Hide a message for this long from now; 0 gives it back at once. Raises HandleDead."""

    async def delete(self, message: Message) -> None:
        """Settle a message. Raises HandleDead."""
