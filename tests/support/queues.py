"""Queues of both kinds, fresh for each test, and one that fails as it is told to."""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import boto3

from sleap_rtc.events.memory_queue import MemoryQueue
from sleap_rtc.events.sqs_queue import SqsQueue, sqs_client
from sleap_rtc.service.provision import ensure_queue
from sleap_rtc.service.topology import QueueSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sleap_rtc.events.queue import Message
    from sleap_rtc.storage.errors import SleapRtcError


@asynccontextmanager
async def engine_queue(engine_url: str) -> AsyncIterator[SqsQueue]:
    """Make a queue with its dead-letter queue on a real engine, as production has them."""
    spec = QueueSpec(f"q-{uuid.uuid4().hex[:12]}", visibility_s=30)
    ensure_queue(boto3.client("sqs", region_name="us-east-1", endpoint_url=engine_url), spec)
    async with sqs_client("us-east-1", engine_url) as client:
        yield await SqsQueue.open(client, spec.name)


class Clock:
    """Shows the time that a test sets, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class FaultyQueue(MemoryQueue):
    """Answers with the errors that a test has lined up for a method, in turn; then it works."""

    def __init__(self, clock: Clock, **faults: list[SleapRtcError]) -> None:
        super().__init__("faulty", clock)
        self._faults = faults

    def _fault(self, method: str) -> None:
        if self._faults.get(method):
            raise self._faults[method].pop(0)

    async def receive(self, most: int, wait_s: int, visibility_s: int) -> list[Message]:
        """Receive, or fail."""
        self._fault("receive")
        return await super().receive(most, wait_s, visibility_s)

    async def send(self, body: str) -> None:
        """Send, or fail."""
        self._fault("send")
        await super().send(body)

    async def extend(self, message: Message, visibility_s: int) -> None:
        """Extend, or fail."""
        self._fault("extend")
        await super().extend(message, visibility_s)

    async def delete(self, message: Message) -> None:
        """Delete, or fail."""
        self._fault("delete")
        await super().delete(message)
