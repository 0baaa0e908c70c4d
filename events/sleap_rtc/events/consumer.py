"""Orchestration: the one loop that takes messages off a queue.

It asks for messages only while it has a free slot and its gate is open, keeps each one hidden from its
receipt until it is settled, lets what failed come back after a while, and moves poison to the dead letters
with the reason. On stop the long poll in flight is finished, since cutting it would lose what it was about to
bring; what it brought goes straight back, and so does what comes when somebody else has taken the place.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sleap_rtc.events import delivery
from sleap_rtc.events.bookkeeping import Bookkeeping
from sleap_rtc.events.dead_letter import attribute_text, letter_of
from sleap_rtc.events.delivery import GiveUp, RetryIn, Trouble
from sleap_rtc.events.gate import OpenGate
from sleap_rtc.events.held_message import HeldMessage, Standing
from sleap_rtc.events.log_lines import log_event
from sleap_rtc.events.log_table import MESSAGE_BURIED, MESSAGE_RETRIED
from sleap_rtc.events.outcome import Done, Outcome, Poison, RetryLater, Unfinished
from sleap_rtc.events.queue import HandleDead, Message, MessageTooLarge, Queue
from sleap_rtc.events.queue_events import (
    Buried,
    GivenBack,
    QueueEvent,
    Received,
    Retried,
    Settled,
    SlotsChanged,
)
from sleap_rtc.storage.errors import SleapRtcError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from sleap_rtc.events.gate import Gate

log = logging.getLogger(__name__)

_PAUSE_AFTER_ERROR_S = 2.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _nobody_listens(event: QueueEvent) -> None:
    del event


class Consumer:
    """Runs a handler for the messages of one queue.

    Args:
        queue: where they come from.
        handle: what to do with one. Unreachable is taken for an outage, TransferFailed for a transfer that
            did not get through, any other exception for a fault of ours.
        role: what the queue is for, such as `jobs`; named in events, where its name may hold a room id.
        slots: how many are handled at once.
        gate: shares them with other work.
        visibility_s: for how long a message stays hidden without a heartbeat, in seconds.
        wait_s: length of the long poll, in seconds.
        dead_letters: where poison goes.
        most_attempts: after how many counted failures a message is given up.
        instance: names this process in dead letters.
        on_event: is told what happens, for metrics.
        now: the clock that SQS's times are compared with.
        chance: returns a random number from 0 to 1, for jitter.
    """

    def __init__(
        self,
        queue: Queue,
        handle: Callable[[Message], Awaitable[Outcome]],
        *,
        role: str = "queue",
        slots: int = 1,
        gate: Gate | None = None,
        visibility_s: int = 60,
        wait_s: int = 10,
        dead_letters: Queue | None = None,
        most_attempts: int = delivery.MOST_ATTEMPTS,
        instance: str = "",
        on_event: Callable[[QueueEvent], None] = _nobody_listens,
        now: Callable[[], datetime] = _utc_now,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._queue = queue
        self._handle = handle
        self._role = role
        self._slots = slots
        self._gate = gate or OpenGate()
        self._visibility_s = visibility_s
        self._wait_s = wait_s
        self._dead_letters = dead_letters
        self._most_attempts = most_attempts
        self._instance = instance
        self._on_event = on_event
        self._now = now
        self._chance = chance
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set, then wait for what is being handled."""
        while not stop.is_set():
            free = self._slots - len(self._running)
            if free <= 0:
                await self._one_finished(stop)
                continue
            await _unless(stop, self._gate.wait())
            if stop.is_set():
                break
            try:
                messages = await self._queue.receive(free, self._wait_s, self._visibility_s)
            except Exception as error:
                ours = isinstance(error, SleapRtcError)
                log.warning("queue %s: %s", self._queue.name, error, exc_info=not ours)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PAUSE_AFTER_ERROR_S):
                        await stop.wait()
                continue
            late = [message for message in messages if stop.is_set() or not self._gate.enter()]
            for message in messages:
                if message not in late:
                    self._start(message)
            await asyncio.gather(*map(self._give_back, late))
        if self._running:
            await asyncio.wait(self._running)

    async def _one_finished(self, stop: asyncio.Event) -> None:
        await _unless(stop, asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED))

    def _start(self, message: Message) -> None:
        task = asyncio.create_task(self._consume(message))
        self._running.add(task)
        task.add_done_callback(self._ended)
        self._on_event(SlotsChanged(self._role, len(self._running)))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._gate.leave()
        self._on_event(SlotsChanged(self._role, len(self._running)))

    async def _give_back(self, message: Message) -> None:
        with contextlib.suppress(SleapRtcError):
            await self._queue.extend(message, 0)
            self._on_event(GivenBack(self._role))

    async def _consume(self, message: Message) -> None:
        held = HeldMessage(self._queue, message, self._visibility_s, self._role, self._on_event)
        self._on_event(Received(self._role, self._lag_s(message)))
        try:
            outcome = await self._outcome(message)
        finally:
            await held.release()
        if held.standing is Standing.LOST:
            return
        try:
            await self._act(held, outcome)
        except HandleDead:
            held.lose()
        except Exception as error:
            ours = isinstance(error, SleapRtcError)
            where = (self._queue.name, message.message_id)
            log.warning("queue %s: message %s not settled: %s", *where, error, exc_info=not ours)

    def _lag_s(self, message: Message) -> float | None:
        if message.sent_at is None or message.receive_count > 1 or message.attempts:
            return None
        return max(0.0, (self._now() - message.sent_at).total_seconds())

    async def _outcome(self, message: Message) -> Outcome:
        if message.not_before is not None:
            early_s = (message.not_before - self._now()).total_seconds()
            if early_s >= 1:
                return RetryLater(early_s, "it is not due yet")
        try:
            return await self._handle(message)
        except SleapRtcError as error:
            return Unfinished(delivery.trouble_of(error), str(error))
        except Exception as error:
            log.exception("queue %s: handler failed", self._queue.name)
            return Unfinished(Trouble.UNEXPECTED, f"{type(error).__name__}: {error}")

    async def _act(self, held: HeldMessage, outcome: Outcome) -> None:
        match outcome:
            case Done():
                await held.settle()
                self._on_event(Settled(self._role, held.elapsed_s()))
            case RetryLater(delay_s, reason):
                await held.show_again(delay_s)
                self._retried(Trouble.WAITING if delay_s > 0 else Trouble.DRAIN, delay_s, reason)
            case Unfinished():
                await self._try_again(held, outcome)
            case Poison(code, reason):
                await self._bury(held, code, reason, held.message.attempts)

    async def _try_again(self, held: HeldMessage, failed: Unfinished) -> None:
        message = held.message
        attempts = message.attempts + failed.trouble.counted
        decision = delivery.decide(
            failed.trouble,
            failed.reason,
            failures=attempts,
            receive_count=message.receive_count,
            most_attempts=self._most_attempts,
            chance=self._chance(),
        )
        match decision:
            case GiveUp(code, reason):
                await self._bury(held, code, reason, attempts)
            case RetryIn(delay_s, reason):
                done = message.done | failed.done
                if attempts == message.attempts and done == message.done:
                    await held.show_again(delay_s)
                else:
                    try:
                        await held.send_again(delay_s, self._noted(message, attempts, done, delay_s))
                    except MessageTooLarge as error:
                        await self._bury(held, "too_large", f"{error} Before that: {reason}", attempts)
                        return
                self._retried(failed.trouble, delay_s, reason)

    def _noted(self, message: Message, attempts: int, done: frozenset[str], delay_s: float) -> Bookkeeping:
        late = self._now() + timedelta(seconds=delay_s) if delay_s > delivery.DELAY_CAP_S else None
        return Bookkeeping(attempts, done, late, message.traceparent)

    def _retried(self, trouble: Trouble, delay_s: float, reason: str) -> None:
        self._on_event(Retried(self._role, trouble, delay_s))
        where = self._queue.name
        log_event(log, MESSAGE_RETRIED, queue=where, delay_s=delay_s, trouble=trouble, reason=reason)

    async def _bury(self, held: HeldMessage, code: str, reason: str, attempts: int) -> None:
        message = held.message
        if self._dead_letters is None:
            await held.show_again(delivery.VISIBILITY_CAP_S)
        else:
            letter = letter_of(
                message,
                code,
                reason,
                queue=self._queue.name,
                attempts=attempts,
                now=self._now(),
                instance=self._instance,
            )
            try:
                await self._dead_letters.send(message.body, 0, letter.attributes())
            except MessageTooLarge:
                await self._dead_letters.send(message.body)  # the line below still says why
            await held.settle()
        self._on_event(Buried(self._role, code))
        log_event(
            log,
            MESSAGE_BURIED,
            queue=self._queue.name,
            message_id=message.message_id,
            code=code,
            reason=attribute_text(reason),
        )


async def _unless(stop: asyncio.Event, wait: Coroutine[Any, Any, object]) -> None:
    """Wait, but no longer than until `stop` is set."""
    tasks = [asyncio.create_task(wait), asyncio.create_task(stop.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
