"""Queues on a real engine, and a queue in memory that fails when it is told to."""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3

from sleap_rtc.events.delivery import Trouble
from sleap_rtc.events.memory_queue import MemoryQueue
from sleap_rtc.events.outcome import Unfinished
from sleap_rtc.events.queue import HandleDead
from sleap_rtc.events.sqs_queue import SqsQueue, sqs_client
from sleap_rtc.service.provision import ensure_queue
from sleap_rtc.service.topology import QueueSpec
from sleap_rtc.storage.errors import SleapRtcError, Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from sleap_rtc.events.outcome import Outcome
    from sleap_rtc.events.queue import Message

DOWN = Unreachable(where="SQS", why="down")


@asynccontextmanager
async def engine_queue(engine_url: str) -> AsyncIterator[SqsQueue]:
    """Make a queue with its dead-letter queue on a real engine, as production has them."""
    spec = QueueSpec(f"q-{uuid.uuid4().hex[:12]}", visibility_s=30)
    ensure_queue(boto3.client("sqs", region_name="us-east-1", endpoint_url=engine_url), spec)
    async with sqs_client("us-east-1", engine_url) as client:
        yield await SqsQueue.open(client, spec.name)


@dataclass(frozen=True)
class ReplyLost:
    """The queue does as it is told, and nobody hears of it."""

    error: SleapRtcError = DOWN


Fault = SleapRtcError | ReplyLost | None


class FaultyQueue(MemoryQueue):
    """Fails in the way that a test has lined up for a method, call by call; then it works.

    It also remembers every call, and which of them used a handle that was dead already.
    """

    def __init__(self, name: str = "faulty", **faults: list[Fault]) -> None:
        super().__init__(name)
        self._faults = faults
        self._dead: set[str] = set()
        self.calls: list[str] = []
        self.asked_for: list[int] = []
        self.calls_on_dead_handles: list[str] = []

    def fail(self, method: str, faults: list[Fault]) -> None:
        """Line up faults for a method."""
        self._faults[method] = faults

    async def receive(self, most: int, wait_s: int, visibility_s: int) -> list[Message]:
        """Receive, or fail."""
        self.asked_for.append(most)
        found: list[Message] = []

        async def receive() -> None:
            found.extend(await super(FaultyQueue, self).receive(most, wait_s, visibility_s))

        await self._answered("receive", receive)
        return found

    async def send(self, body: str, delay_s: int = 0, attributes: Mapping[str, str] | None = None) -> None:
        """Send, or fail."""
        await self._answered("send", lambda: super(FaultyQueue, self).send(body, delay_s, attributes))

    async def extend(self, message: Message, visibility_s: int) -> None:
        """Extend, or fail."""
        self._note(message, "extend")
        await self._answered(
            "extend", lambda: super(FaultyQueue, self).extend(message, visibility_s), message
        )

    async def delete(self, message: Message) -> None:
        """Delete, or fail."""
        self._note(message, "delete")
        await self._answered("delete", lambda: super(FaultyQueue, self).delete(message), message)

    def _note(self, message: Message, method: str) -> None:
        if message.receipt_handle in self._dead:
            self.calls_on_dead_handles.append(method)

    async def _answered(
        self, method: str, act: Callable[[], Awaitable[None]], message: Message | None = None
    ) -> None:
        self.calls.append(method)
        lined_up = self._faults.get(method)
        fault = lined_up.pop(0) if lined_up else None
        if isinstance(fault, SleapRtcError):
            raise fault
        try:
            await act()
        except HandleDead:
            if message is not None:
                self._dead.add(message.receipt_handle)
            raise
        if method == "delete" and message is not None:
            self._dead.add(message.receipt_handle)
        if isinstance(fault, ReplyLost):
            raise fault.error


def assert_outage(outcome: Outcome) -> None:
    """Hold that a handler would have it tried again, since something does not answer."""
    assert isinstance(outcome, Unfinished)
    assert outcome.trouble is Trouble.OUTAGE
