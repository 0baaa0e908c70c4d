"""Adapter: how many requests the service takes within a minute, of one person and for one room.

They are counted in a sliding window by the library `limits`: in this process, or where the setting names a
store, in that one, for all instances together. A store that does not answer stops nobody: for a while each
instance then counts for itself.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from limits import RateLimitItemPerMinute
from limits.errors import ConfigurationError, StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter

from sleap_rtc.events.service_facts import RequestLimited
from sleap_rtc.service.errors import TooManyRequests
from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from limits import RateLimitItem

log = logging.getLogger(__name__)

Kind = Literal["user", "room"]
WINDOW_S = 60
# A request waits for the store no longer than this, and the store is left alone for so long after it failed.
_STORE_TIMEOUT_S = 0.5
_LEAVE_ALONE_S = 10.0
_WHOSE: Mapping[Kind, str] = {"user": "of yours", "room": "for this room"}


@dataclass(frozen=True)
class Spent:
    """What is left of a limit after a request.

    Attributes:
        kind: whose limit.
        most: requests in a window.
        left: requests that would be taken now.
        reset_s: in how many seconds there will be more.
    """

    kind: Kind
    most: int
    left: int
    reset_s: int


spent_by_request: ContextVar[dict[tuple[Kind, str], Spent] | None] = ContextVar("spent", default=None)
"""What the request that is being answered has spent: each limit once, however often it comes by."""


class RateLimits:
    """The limits of all people and rooms.

    Args:
        store_url: where instances count together, as `limits` writes it (`redis://...`); "" for this process.
        most: requests in a minute; 0 for no limit.

    Raises:
        InputError: the library knows no store of this kind.
    """

    def __init__(self, store_url: str, most: Mapping[Kind, int]) -> None:
        self._most = {kind: RateLimitItemPerMinute(number) for kind, number in most.items() if number}
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = _shared(store_url) if store_url else None
        self._left_alone_until = 0.0
        self._lock = threading.Lock()

    def spend(self, kind: Kind, who: str) -> None:
        """Count a request. Raises TooManyRequests."""
        item = self._most.get(kind)
        already = spent_by_request.get()
        if item is None or (already is not None and (kind, who) in already):
            return
        taken, spent = self._hit(kind, item, who)
        if already is not None:
            already[kind, who] = spent
        if not taken:
            tell(RequestLimited(kind))
            raise TooManyRequests(
                most=spent.most,
                whose=_WHOSE[kind],
                retry_after_s=max(1, spent.reset_s),
            )

    def _hit(self, kind: Kind, item: RateLimitItem, who: str) -> tuple[bool, Spent]:
        if self._shared is not None and time.monotonic() >= self._left_alone_until:
            try:
                answer = _counted(self._shared, kind, item, who)
            except StorageError as error:
                self._leave_alone(error)
            else:
                self._is_back()
                return answer
        return _counted(self._own, kind, item, who)

    def _leave_alone(self, error: StorageError) -> None:
        with self._lock:
            first = self._left_alone_until == 0.0
            self._left_alone_until = time.monotonic() + _LEAVE_ALONE_S
        if first:
            log.warning(
                "no answer from the store of the rate limits (%s): each instance counts for itself",
                type(error.storage_error).__name__,
            )

    def _is_back(self) -> None:
        with self._lock:
            was_away, self._left_alone_until = self._left_alone_until != 0.0, 0.0
        if was_away:
            log.warning("the store of the rate limits answers again")


def _counted(
    limiter: SlidingWindowCounterRateLimiter, kind: Kind, item: RateLimitItem, who: str
) -> tuple[bool, Spent]:
    taken = limiter.hit(item, kind, who)
    stats = limiter.get_window_stats(item, kind, who)
    reset_s = min(WINDOW_S, max(0, math.ceil(stats.reset_time - time.time())))
    return taken, Spent(kind, item.amount, stats.remaining if taken else 0, reset_s)


def _shared(store_url: str) -> SlidingWindowCounterRateLimiter:
    options = {"socket_timeout": _STORE_TIMEOUT_S, "socket_connect_timeout": _STORE_TIMEOUT_S}
    try:
        storage = storage_from_string(
            store_url, wrap_exceptions=True, **(options if "redis" in store_url.partition(":")[0] else {})
        )
        return SlidingWindowCounterRateLimiter(storage)
    except (ConfigurationError, NotImplementedError):
        kind = store_url.partition(":")[0]
        raise InputError(
            message=f"rate_limit_store: no rate can be counted in a store of the kind {kind[:32]!r}."
        ) from None
