"""Adapter: a queue in memory with SQS's visibility and redelivery, the twin of `SqsQueue` for tests."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.events.queue import HandleDead, Message

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class _Held:
    body: str
    visible_at: float
    handle: str = ""
    receive_count: int = 0


class MemoryQueue:
    """Keeps messages in the order they were sent. `clock` returns seconds and may be set by a test."""

    def __init__(self, name: str = "memory", clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._clock = clock
        self._numbers = itertools.count(1)
        self.held: dict[str, _Held] = {}

    async def receive(self, most: int, wait_s: int, visibility_s: int) -> list[Message]:
        """Return what is visible, waiting in real time for something to come."""
        await asyncio.sleep(0)  # others go on meanwhile, as during a call over the network
        deadline = time.monotonic() + wait_s
        while True:
            found = [
                (message_id, held)
                for message_id, held in self.held.items()
                if held.visible_at <= self._clock()
            ][: min(most, 10)]
            if found or time.monotonic() >= deadline:
                return [self._deliver(message_id, held, visibility_s) for message_id, held in found]
            await asyncio.sleep(0.01)

    def _deliver(self, message_id: str, held: _Held, visibility_s: int) -> Message:
        held.visible_at = self._clock() + visibility_s
        held.receive_count += 1
        held.handle = f"{message_id}/{next(self._numbers)}"
        return Message(message_id, held.body, held.handle, held.receive_count)

    async def send(self, body: str) -> None:
        """Put a message on the queue."""
        self.held[f"m{next(self._numbers)}"] = _Held(body, self._clock())

    async def extend(self, message: Message, visibility_s: int) -> None:
        """Hide a message for this long from now."""
        self._live(message).visible_at = self._clock() + visibility_s

    async def delete(self, message: Message) -> None:
        """Settle a message."""
        self._live(message)
        del self.held[message.message_id]

    def _live(self, message: Message) -> _Held:
        held = self.held.get(message.message_id)
        if held is None or held.handle != message.receipt_handle or held.visible_at <= self._clock():
            raise HandleDead
        return held
