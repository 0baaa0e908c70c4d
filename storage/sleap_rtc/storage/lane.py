"""Adapter: one thread's place on the network, which keeps its connection from one part to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage.http_connection import STALL_S, HttpConnection
from sleap_rtc.storage.traffic import unheard

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from sleap_rtc.storage.bandwidth import Throttle
    from sleap_rtc.storage.traffic import TrafficHook


class Lane:
    """One request at a time, on a connection that is kept while it works.

    Args:
        throttle: holds the bytes of all lanes to a rate; None for as fast as it goes.
        stall_s: how long no byte may move before a connection is given up.
        on_traffic: told of every request.
    """

    def __init__(
        self,
        throttle: Throttle | None = None,
        stall_s: float = STALL_S,
        on_traffic: TrafficHook = unheard,
    ) -> None:
        self.on_traffic = on_traffic
        self._throttle = throttle
        self._stall_s = stall_s
        self._origin: tuple[str, str] | None = None
        self._connection: HttpConnection | None = None
        self._moved_before = 0
        self._cut = False

    @property
    def moved_bytes(self) -> int:
        """Bytes of bodies that the other side has, or that came from it, since the lane was made."""
        before, connection = self._moved_before, self._connection  # in this order: see close
        if connection is None:
            return before
        moved: int = connection.moved_bytes - connection.unacknowledged_bytes()
        return before + max(0, moved)

    def cut(self) -> None:
        """End the request under way; may be called from another thread."""
        self._cut = True
        if self._connection is not None:
            self._connection.cut()

    def close(self) -> None:
        """Give the connection up; the next request makes another one."""
        moved_bytes, connection = self.moved_bytes, self._connection
        self._connection = self._origin = None
        # Only now, so that who asks meanwhile never counts the connection twice.
        self._moved_before = moved_bytes
        if connection is not None:
            connection.close()

    def allowed(self, wanted_bytes: int) -> int:
        """Wait until some of these bytes may be moved, and return how many."""
        if self._throttle is None:
            return wanted_bytes
        allowed = min(wanted_bytes, self._throttle.slice_bytes)
        self._throttle.wait(allowed)
        return allowed

    def connection(self, url: SplitResult) -> HttpConnection:
        """Return a connection to the URL's host: the one that is there, unless it ended meanwhile."""
        self._cut = False
        origin = (url.scheme, url.netloc)
        if self._connection is not None and (self._origin != origin or not self._connection.usable()):
            self.close()
        if self._connection is None:
            self._connection, self._origin = HttpConnection(url, self._stall_s), origin
        if self._cut:
            raise ConnectionAbortedError
        return self._connection
