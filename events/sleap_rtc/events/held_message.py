"""Orchestration: one message from its receipt to its end: kept hidden, handed over, settled.

A heartbeat every third of the visibility timeout keeps it hidden. Before SQS's 12 hours are over the message
is replaced by a continuation, a new message that says the same, while its handler goes on. Once its handle is
dead the queue is not called for it any more: whoever got it next finds the job's claim, which is the lock.
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from sleap_rtc.events import delivery
from sleap_rtc.events.bookkeeping import Bookkeeping
from sleap_rtc.events.queue import HandleDead, MessageTooLarge
from sleap_rtc.events.queue_events import HandedOver, HandleLost, HeartbeatFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.events.queue import Message, Queue
    from sleap_rtc.events.queue_events import QueueEvent

log = logging.getLogger(__name__)


class Standing(Enum):
    """What became of a delivery."""

    HELD = auto()
    HANDED_OVER = auto()
    """A continuation of it is on the queue; its own handle is gone."""
    LOST = auto()
    """Its handle is dead."""


class HeldMessage:
    """A delivery whose heartbeat runs from now on, until `release`.

    Args:
        queue: where it came from.
        message: the delivery.
        visibility_s: for how long a heartbeat hides it, in seconds.
        role: what the queue is for; named in events.
        on_event: is told what happens.
    """

    def __init__(
        self,
        queue: Queue,
        message: Message,
        visibility_s: int,
        role: str,
        on_event: Callable[[QueueEvent], None],
    ) -> None:
        self.message = message
        self.standing = Standing.HELD
        self._queue = queue
        self._visibility_s = visibility_s
        self._role = role
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._beating: asyncio.Task[None] | None = None
        self._continued = False
        self._released = False
        self._schedule(delivery.heartbeat_interval_s(visibility_s))

    def elapsed_s(self) -> float:
        """Return how long ago the message was received, in seconds."""
        return self._loop.time() - self._since

    async def release(self) -> None:
        """Stop the heartbeat; one that is under way is waited for, since it could undo what comes next."""
        self._released = True
        self._timer.cancel()
        if self._beating is not None:
            await self._beating

    async def settle(self) -> None:
        """Take the message off the queue. Raises HandleDead, Unreachable."""
        if self.standing is Standing.HELD:
            await self._queue.delete(self.message)

    async def show_again(self, delay_s: float) -> None:
        """Let the message come back as it is, after a delay. Raises HandleDead, Unreachable."""
        if (
            self.standing is Standing.HANDED_OVER
            or self.message.receive_count >= delivery.FRESH_AFTER_RECEIVES
        ):
            await self.send_again(delay_s, self._noted())
        elif self.standing is Standing.HELD:
            await self._queue.extend(self.message, delivery.hidden_s(delay_s, self.elapsed_s()))

    async def send_again(self, delay_s: float, noted: Bookkeeping) -> None:
        """Replace the message by one with other notes, after a delay. Sent first and settled second: what
        happens in between leaves two messages and not none.

        Raises:
            MessageTooLarge: even the number of attempts does not fit.
            HandleDead, Unreachable: see the queue.
        """
        if self.standing is Standing.LOST:
            return
        within_cap = min(math.ceil(delay_s), delivery.DELAY_CAP_S)
        try:
            await self._queue.send(self.message.body, within_cap, noted.attributes())
        except MessageTooLarge:
            if not noted.done:
                raise
            # A record that is handled twice does no harm.
            await self._queue.send(
                self.message.body, within_cap, replace(noted, done=frozenset()).attributes()
            )
        await self.settle()

    def lose(self) -> None:
        """Note that the handle is dead."""
        if self.standing is not Standing.LOST:
            self.standing = Standing.LOST
            self._on_event(HandleLost(self._role))
            log.info("queue %s: message %s came back meanwhile", self._queue.name, self.message.message_id)

    def _noted(self) -> Bookkeeping:
        message = self.message
        return Bookkeeping(message.attempts, message.done, traceparent=message.traceparent)

    def _schedule(self, after_s: float) -> None:
        until_hand_over_s = delivery.HAND_OVER_AFTER_S - self.elapsed_s()
        if 0 < until_hand_over_s < after_s:
            after_s = until_hand_over_s
        self._timer = self._loop.call_later(after_s, self._start_beat)

    def _start_beat(self) -> None:
        self._beating = self._loop.create_task(self._beat())

    async def _beat(self) -> None:
        next_s = delivery.heartbeat_interval_s(self._visibility_s)
        try:
            await self._keep()
        except HandleDead:
            self.lose()
        except Exception as error:  # whatever it is, the next heartbeat has to come
            log.warning("queue %s: heartbeat failed: %s", self._queue.name, error)
            self._on_event(HeartbeatFailed(self._role))
            next_s = delivery.heartbeat_retry_s(self._visibility_s)
        if self.standing is Standing.HELD and not self._released:
            self._schedule(next_s)

    async def _keep(self) -> None:
        elapsed_s = self.elapsed_s()
        hidden_s = delivery.hidden_s(self._visibility_s, elapsed_s)
        await self._queue.extend(self.message, hidden_s)
        if elapsed_s < delivery.HAND_OVER_AFTER_S:
            return
        if not self._continued:
            # Hidden for a while, so that it does not wake somebody who could only wait.
            delay_s = min(self._visibility_s, delivery.DELAY_CAP_S)
            await self._queue.send(self.message.body, delay_s, self._noted().attributes())
            self._continued = True
        await self._queue.delete(self.message)
        self.standing = Standing.HANDED_OVER
        self._on_event(HandedOver(self._role))
        log.info("queue %s: message %s handed over", self._queue.name, self.message.message_id)
