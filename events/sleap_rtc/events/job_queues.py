"""Adapter: the job queues of all rooms in SQS, one for each, and the port to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from sleap_rtc.events.sqs_queue import SqsQueue
from sleap_rtc.storage.errors import NotFound

if TYPE_CHECKING:
    from sleap_rtc.events.messages import JobMessage


class JobQueues(Protocol):
    """Wakes the workers of rooms. Every method may raise Unreachable, and NotFound where a room has none."""

    async def wake(self, message: JobMessage) -> None:
        """Put a message on the queue of its room."""

    async def depth(self, room_id: str) -> int:
        """Return about how many messages a room's queue has, those included that somebody holds."""


class SqsJobQueues:
    """The queues `{prefix}-{room_id}`; each is looked up once.

    Args:
        client: an SQS client of aiobotocore.
        prefix: what their names start with.
    """

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._opened: dict[str, SqsQueue] = {}

    async def queue(self, room_id: str) -> SqsQueue:
        """Return the queue of a room. Raises NotFound."""
        if room_id not in self._opened:
            self._opened[room_id] = await SqsQueue.open(self._client, f"{self._prefix}-{room_id}")
        return self._opened[room_id]

    async def wake(self, message: JobMessage) -> None:
        """Put a message on the queue of its room; a queue that was made anew has another address."""
        try:
            await (await self.queue(message.room_id)).send(message.model_dump_json())
        except NotFound:
            if self._opened.pop(message.room_id, None) is None:
                raise
            await (await self.queue(message.room_id)).send(message.model_dump_json())

    async def depth(self, room_id: str) -> int:
        """Return about how many messages a room's queue has."""
        return await (await self.queue(room_id)).depth()
