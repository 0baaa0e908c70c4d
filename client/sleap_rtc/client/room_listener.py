"""Adapter: a room's notifications as they come, for whoever also has other things to look after.

A thread of its own reads the stream and takes it up again after every cut, from the last notification on.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from sleap_rtc.events.service_http import ServiceProblem
from sleap_rtc.storage.errors import Unreachable

if TYPE_CHECKING:
    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.events.messages import RoomEvent

_RECONNECT_S = 2.0


class RoomListener:
    """Listens to one room until the process ends or `close` is called.

    Args:
        service: has the stream.
        room_id: the room.
        last_id: what was told before it is known.
    """

    def __init__(self, service: ServiceClient, room_id: str, last_id: str) -> None:
        self._service = service
        self._room_id = room_id
        self._last_id = last_id
        self._heard: queue.SimpleQueue[RoomEvent | Exception] = queue.SimpleQueue()
        self._closed = threading.Event()
        threading.Thread(target=self._listen, name="room-events", daemon=True).start()

    def next(self, timeout_s: float) -> RoomEvent | None:
        """Return the next notification, or None if there is none within `timeout_s` seconds.

        Raises:
            Unreachable: the stream was cut; it is taken up again, and the next call goes on.
            ServiceProblem: likewise.
            NotFound: there is no such room (any more), or the caller is not in it.
            Refused: the token is not good (any more).
        """
        try:
            heard = self._heard.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(heard, Exception):
            raise heard
        return heard

    def close(self) -> None:
        """Listen no longer."""
        self._closed.set()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                for event in self._service.events(self._room_id, self._last_id):
                    if self._closed.is_set():
                        return
                    self._last_id = max(self._last_id, event.id)
                    self._heard.put(event)
            except (Unreachable, ServiceProblem) as cut:
                self._heard.put(cut)
            except Exception as error:
                self._heard.put(error)
                return
            self._closed.wait(_RECONNECT_S)
