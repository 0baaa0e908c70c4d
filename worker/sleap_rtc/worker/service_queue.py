"""Adapter: a room's job queue through the service, for a worker without credentials for SQS.

The calls block, so each runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from sleap_rtc.events.queue import Message
from sleap_rtc.events.worker_api import (
    Acknowledged,
    BuryWakeUp,
    DeleteWakeUp,
    ExtendWakeUp,
    ReceiveWakeUps,
    SendWakeUp,
    WakeUps,
)
from sleap_rtc.storage.errors import InputError, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleap_rtc.events.service_http import ServiceHttp
    from sleap_rtc.events.worker_api import WakeUp

M = TypeVar("M", bound=BaseModel)


class ServiceQueue:
    """The job queue of one room."""

    def __init__(self, service: ServiceHttp, room_id: str) -> None:
        self._service = service
        self._room_id = room_id
        self.name = f"of room {room_id}"

    def dead_letters(self) -> ServiceDeadLetters:
        """Return where the service puts this queue's poison."""
        return ServiceDeadLetters(self._service, self._room_id)

    async def receive(self, most: int, wait_s: int, visibility_s: int) -> list[Message]:
        """Let the service wait for messages. A lost reply is not asked for again: its messages are hidden."""
        asked = ReceiveWakeUps(most=min(most, 10), wait_s=wait_s, visibility_s=visibility_s)
        path = _path(self._room_id, "receive")
        came = await asyncio.to_thread(self._service.ask, "POST", path, WakeUps, asked, tries=1)
        return [_message(wakeup) for wakeup in came.wakeups]

    async def send(self, body: str, delay_s: int = 0, attributes: Mapping[str, str] | None = None) -> None:
        """Put the wake-up of a job of this room on the queue. Raises InputError for anything else."""
        await self._tell(
            "send", _bounded(SendWakeUp, body=body, delay_s=delay_s, attributes=attributes or {})
        )

    async def extend(self, message: Message, visibility_s: int) -> None:
        """Hide a message for this long from now."""
        handle = message.receipt_handle
        await self._tell("extend", ExtendWakeUp(receipt_handle=handle, visibility_s=visibility_s))

    async def delete(self, message: Message) -> None:
        """Settle a message."""
        await self._tell("delete", DeleteWakeUp(receipt_handle=message.receipt_handle))

    async def _tell(self, what: str, body: BaseModel) -> None:
        path = _path(self._room_id, what)
        await asyncio.to_thread(self._service.ask, "POST", path, Acknowledged, body)


class ServiceDeadLetters:
    """The dead-letter queue of one room, which a worker may only put letters on."""

    def __init__(self, service: ServiceHttp, room_id: str) -> None:
        self._service = service
        self._room_id = room_id
        self.name = f"of the dead letters of room {room_id}"

    async def send(self, body: str, delay_s: int = 0, attributes: Mapping[str, str] | None = None) -> None:
        """Bury a letter; it is there at once, without delay. Raises InputError if it is too large."""
        del delay_s
        letter = _bounded(BuryWakeUp, body=body, attributes=attributes or {})
        path = _path(self._room_id, "bury")
        await asyncio.to_thread(self._service.ask, "POST", path, Acknowledged, letter)

    async def receive(self, *_: object, **__: object) -> list[Message]:
        """Refuse."""
        raise _only_letters(self)

    async def extend(self, *_: object, **__: object) -> None:
        """Refuse."""
        raise _only_letters(self)

    async def delete(self, *_: object, **__: object) -> None:
        """Refuse."""
        raise _only_letters(self)


def _only_letters(queue: ServiceDeadLetters) -> Refused:
    return Refused(where=f"The queue {queue.name}", why="a worker may only put letters there")


def _bounded(kind: type[M], **fields: object) -> M:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(message=f"The message cannot be sent: {first['loc'][0]}: {first['msg']}.") from error


def _path(room_id: str, what: str) -> str:
    return f"/api/rooms/{quote(room_id)}/wakeups/{what}"


def _message(wakeup: WakeUp) -> Message:
    return Message.received(
        wakeup.message_id,
        wakeup.body,
        wakeup.receipt_handle,
        wakeup.receive_count,
        wakeup.sent_at,
        wakeup.attributes,
    )
