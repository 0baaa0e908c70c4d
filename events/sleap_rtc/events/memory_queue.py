"""Adapter: a queue in memory with SQS's rules, the twin of `SqsQueue` for tests.

Its clock is that of the event loop, so that a loop with virtual time runs through days of waiting at once.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.events.delivery import DELAY_CAP_S, VISIBILITY_CAP_S
from sleap_rtc.events.queue import HandleDead, Message, MessageTooLarge
from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_ATTRIBUTES = 10
_SHORTEST_WAIT_S = 0.001  # less than a clock tells apart would be waited for without end


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class _Held:
    body: str
    sent_at: float
    visible_at: float
    attributes: dict[str, str] = field(default_factory=dict)
    handle: str = ""
    receive_count: int = 0
    received_at: float = 0.0


class MemoryQueue:
    """Keeps messages in the order they were sent.

    Args:
        name: the queue's name.
        clock: returns seconds; one other than the loop's own does not end the wait of a `receive`.
        most_bytes: how large a message may be, attributes included.
    """

    def __init__(
        self, name: str = "memory", clock: Callable[[], float] = _loop_time, most_bytes: int = 262_144
    ) -> None:
        self.name = name
        self._clock = clock
        self._most_bytes = most_bytes
        self._numbers = itertools.count(1)
        self._waiting: set[asyncio.Future[None]] = set()
        self.held: dict[str, _Held] = {}

    def now(self) -> datetime:
        """Return the queue's time, for who compares his own with it."""
        return datetime.fromtimestamp(self._clock(), UTC)

    async def receive(self, most: int, wait_s: int, visibility_s: int) -> list[Message]:
        """Return what is visible, waiting for something to come or to come back."""
        await asyncio.sleep(0)  # others go on meanwhile, as during a call over the network
        deadline = _loop_time() + wait_s
        while not (found := self._visible()[: min(most, 10)]):
            left_s = deadline - _loop_time()
            if left_s <= 0:
                return []
            await self._changed(max(_SHORTEST_WAIT_S, min(left_s, self._next_visible_s())))
        return [self._deliver(message_id, visibility_s) for message_id in found]

    def _visible(self) -> list[str]:
        now = self._clock()
        return [message_id for message_id, held in self.held.items() if held.visible_at <= now]

    def _next_visible_s(self) -> float:
        now = self._clock()
        return min((held.visible_at - now for held in self.held.values()), default=VISIBILITY_CAP_S)

    async def _changed(self, timeout_s: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(woken)
        try:
            await asyncio.wait({woken}, timeout=timeout_s)
        finally:
            self._waiting.discard(woken)

    def _wake(self) -> None:
        for woken in self._waiting:
            if not woken.done():
                woken.set_result(None)

    def _deliver(self, message_id: str, visibility_s: int) -> Message:
        held, now = self.held[message_id], self._clock()
        held.received_at = now
        held.visible_at = now + visibility_s
        held.receive_count += 1
        held.handle = f"{message_id}/{next(self._numbers)}"
        sent_at = datetime.fromtimestamp(held.sent_at, UTC)
        return Message.received(
            message_id, held.body, held.handle, held.receive_count, sent_at, dict(held.attributes)
        )

    async def send(self, body: str, delay_s: int = 0, attributes: Mapping[str, str] | None = None) -> None:
        """Put a message on the queue."""
        noted = dict(attributes or {})
        size = sum(len(text.encode()) for text in (body, *noted, *noted.values()))
        if size > self._most_bytes:
            raise MessageTooLarge(queue=self.name, why=f"{size} bytes are more than {self._most_bytes}.")
        if (
            not 0 <= delay_s <= DELAY_CAP_S
            or len(noted) > MOST_ATTRIBUTES
            or not all((body, *noted.values()))
        ):
            raise InputError(message="SQS would refuse this message.")
        now = self._clock()
        self.held[f"m{next(self._numbers)}"] = _Held(body, now, now + delay_s, noted)
        self._wake()

    async def extend(self, message: Message, visibility_s: int) -> None:
        """Hide a message for this long from now."""
        held, now = self._live(message), self._clock()
        if now + visibility_s > held.received_at + VISIBILITY_CAP_S:
            raise HandleDead  # SQS: "Total VisibilityTimeout for the message is beyond the limit"
        held.visible_at = now + visibility_s
        self._wake()

    async def delete(self, message: Message) -> None:
        """Settle a message."""
        self._live(message)
        del self.held[message.message_id]

    def _live(self, message: Message) -> _Held:
        held = self.held.get(message.message_id)
        if held is None or held.handle != message.receipt_handle or held.visible_at <= self._clock():
            raise HandleDead
        return held
