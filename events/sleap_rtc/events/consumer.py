"""Orchestration: the one loop that takes messages off a queue.

It asks for messages only while it has a free slot, keeps each one hidden from its receipt until it is
settled, gives it back when the handler wants to wait, and moves poison to the dead-letter queue with the
reason. On stop the long poll in flight is finished, since cutting it would lose what it was about to bring;
what it brought goes straight back.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.events.queue import HandleDead, Message, Queue
from sleap_rtc.storage.errors import SleapRtcError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

_PAUSE_AFTER_ERROR_S = 2.0
_LONGEST_BACKOFF_S = 900


@dataclass(frozen=True)
class Done:
    """The message is settled."""


@dataclass(frozen=True)
class RetryLater:
    """Show the message again after this delay."""

    delay_s: float
    reason: str


@dataclass(frozen=True)
class Poison:
    """No delivery of this message can ever succeed."""

    reason: str


Outcome = Done | RetryLater | Poison


class Consumer:
    """Runs a handler for the messages of one queue.

    Args:
        queue: where they come from.
        handle: what to do with one; an exception counts as RetryLater with growing delay.
        slots: how many are handled at once.
        visibility_s: for how long a message stays hidden without a heartbeat, in seconds.
        wait_s: length of the long poll, in seconds.
        dead_letters: where poison goes.
    """

    def __init__(
        self,
        queue: Queue,
        handle: Callable[[Message], Awaitable[Outcome]],
        *,
        slots: int = 1,
        visibility_s: int = 60,
        wait_s: int = 10,
        dead_letters: Queue | None = None,
    ) -> None:
        self._queue = queue
        self._handle = handle
        self._slots = slots
        self._visibility_s = visibility_s
        self._wait_s = wait_s
        self._dead_letters = dead_letters
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set, then wait for what is being handled."""
        while not stop.is_set():
            free = self._slots - len(self._running)
            if free <= 0:
                await self._one_finished(stop)
                continue
            try:
                messages = await self._queue.receive(free, self._wait_s, self._visibility_s)
            except SleapRtcError as error:
                log.warning("queue %s: %s", self._queue.name, error)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _PAUSE_AFTER_ERROR_S)
                continue
            for message in messages:
                if stop.is_set():
                    await self._give_back(message, 0)
                else:
                    task = asyncio.create_task(self._settle(message))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
        if self._running:
            await asyncio.wait(self._running)

    async def _one_finished(self, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({*self._running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()

    async def _settle(self, message: Message) -> None:
        heartbeat = asyncio.create_task(self._keep_hidden(message))
        try:
            outcome = await self._handled(message)
        finally:
            heartbeat.cancel()
        try:
            match outcome:
                case Done():
                    await self._queue.delete(message)
                case RetryLater(delay_s, reason):
                    log.info("queue %s: again in %.0f s: %s", self._queue.name, delay_s, reason)
                    await self._give_back(message, delay_s)
                case Poison(reason):
                    await self._bury(message, reason)
        except HandleDead:
            log.info("queue %s: message %s came back meanwhile", self._queue.name, message.message_id)
        except SleapRtcError as error:
            log.warning("queue %s: message not settled: %s", self._queue.name, error)

    async def _handled(self, message: Message) -> Outcome:
        try:
            return await self._handle(message)
        except SleapRtcError as error:
            return RetryLater(self._backoff_s(message), str(error))
        except Exception:
            log.exception("queue %s: handler failed", self._queue.name)
            return RetryLater(self._backoff_s(message), "unexpected error")

    def _backoff_s(self, message: Message) -> float:
        return float(min(_LONGEST_BACKOFF_S, 2.0 ** min(message.receive_count, 10)))

    async def _keep_hidden(self, message: Message) -> None:
        while True:
            await asyncio.sleep(self._visibility_s / 3)
            try:
                await self._queue.extend(message, self._visibility_s)
            except HandleDead:
                return
            except SleapRtcError as error:
                log.warning("queue %s: heartbeat failed: %s", self._queue.name, error)

    async def _give_back(self, message: Message, delay_s: float) -> None:
        with contextlib.suppress(SleapRtcError):
            await self._queue.extend(message, round(delay_s))

    async def _bury(self, message: Message, reason: str) -> None:
        log.error("queue %s: poison message %s: %s", self._queue.name, message.message_id, reason)
        if self._dead_letters is None:
            await self._give_back(message, _LONGEST_BACKOFF_S)
            return
        letter = {
            "reason": reason,
            "queue": self._queue.name,
            "receive_count": message.receive_count,
            "body": message.body,
        }
        await self._dead_letters.send(json.dumps(letter))
        await self._queue.delete(message)
