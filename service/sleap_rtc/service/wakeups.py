"""Orchestration: the job queues of all rooms, for workers that have no credentials for SQS.

A long poll of SQS is never cut, since what it was about to bring would stay hidden. A caller who hangs up is
left, a service that stops answers at once, and what such a poll brings after all is given back.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.events.messages import JobMessage, MessageUnreadable
from sleap_rtc.events.queue import Message, Queue
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import InputError, NotFound, SleapRtcError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sleap_rtc.events.worker_api import BuryWakeUp, ReceiveWakeUps, SendWakeUp

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5


class JobQueue(Queue, Protocol):
    """The job queue of a room."""

    async def dead_letters(self) -> Queue | None:
        """Return the queue that takes this one's poison, None if it has none."""


class WakeUps:
    """The wake-ups of all rooms. Whoever calls has seen to it that the caller may write in the room.

    Args:
        open_queue: finds the job queue of a room.
        longest_poll_s: how long a poll lasts at most, whatever is asked for; this instance takes as long to
            stop.
        stopping: tells whether this instance is about to stop.
    """

    def __init__(
        self,
        open_queue: Callable[[str], Awaitable[JobQueue]],
        longest_poll_s: int,
        stopping: Callable[[], bool],
    ) -> None:
        self._open_queue = open_queue
        self._longest_poll_s = longest_poll_s
        self._stopping = stopping
        self._queues: dict[str, JobQueue] = {}
        self._left: set[asyncio.Task[None]] = set()

    async def receive(
        self, room_id: str, asked: ReceiveWakeUps, hung_up: Callable[[], Awaitable[bool]]
    ) -> list[Message]:
        """Wait for messages for as long as somebody waits for the answer. Raises NotFound, Unreachable."""
        queue = await self._open_queue(room_id)
        wait_s = min(asked.wait_s, self._longest_poll_s)
        poll = asyncio.create_task(queue.receive(asked.most, wait_s, asked.visibility_s))
        try:
            while not (self._stopping() or await hung_up()):
                if poll.done():
                    return poll.result()
                await asyncio.wait({poll}, timeout=_LOOK_EVERY_S)
        except asyncio.CancelledError:
            self._leave(queue, poll)
            raise
        self._leave(queue, poll)
        return []

    def _leave(self, queue: JobQueue, poll: asyncio.Task[list[Message]]) -> None:
        async def give_back() -> None:
            try:
                for message in await poll:
                    await queue.extend(message, 0)
            except SleapRtcError as error:
                log.warning("queue %s: what came for a caller who left: %s", queue.name, error)

        left = asyncio.create_task(give_back())
        self._left.add(left)
        left.add_done_callback(self._left.discard)

    async def close(self) -> None:
        """Wait for the polls that nobody waits for any more."""
        await asyncio.gather(*self._left)

    async def extend(self, room_id: str, receipt_handle: str, visibility_s: int) -> None:
        """Hide a message for this long from now. Raises HandleDead."""
        await (await self._open_queue(room_id)).extend(_by_handle(receipt_handle), visibility_s)

    async def delete(self, room_id: str, receipt_handle: str) -> None:
        """Settle a message. Raises HandleDead."""
        await (await self._open_queue(room_id)).delete(_by_handle(receipt_handle))

    async def send(self, room_id: str, asked: SendWakeUp) -> None:
        """Put the wake-up of a job of this room on its queue.

        Raises:
            InputError: it is something else.
        """
        try:
            wanted = JobMessage.parse(asked.body)
        except MessageUnreadable as error:
            raise InputError(message=str(error)) from error
        if wanted.room_id != room_id or not keys.is_ulid(wanted.job_id):
            raise InputError(message=f"The message is not the wake-up of a job of room {room_id}.")
        await (await self._open_queue(room_id)).send(asked.body, asked.delay_s, asked.attributes)

    async def bury(self, room_id: str, asked: BuryWakeUp) -> None:
        """Put a letter on the dead-letter queue of the room. Raises NotFound where it has none."""
        dead_letters = await (await self._open_queue(room_id)).dead_letters()
        if dead_letters is None:
            raise NotFound(what=f"dead-letter queue of room {room_id}")
        await dead_letters.send(asked.body, 0, asked.attributes)


def _by_handle(receipt_handle: str) -> Message:
    return Message(message_id="", body="", receipt_handle=receipt_handle, receive_count=0)
