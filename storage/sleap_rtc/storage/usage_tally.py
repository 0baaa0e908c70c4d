"""Adapter: counts traffic as it goes, on one account for each that it belongs to.

A hook may be called from any thread, so counts are added under a lock; that is all that a caller waits for.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Generic, TypeVar

from sleap_rtc.storage.traffic import Called
from sleap_rtc.storage.usage import MOST_KINDS, NOTHING, Usage, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from sleap_rtc.storage.traffic import Moved

A = TypeVar("A", bound="Hashable")


class UsageTally(Generic[A]):
    """A hook for traffic.

    Args:
        account_of: returns whose an event is.
    """

    def __init__(self, account_of: Callable[[Called | Moved], A]) -> None:
        self._account_of = account_of
        self._lock = threading.Lock()
        self._requests: defaultdict[A, Counter[str]] = defaultdict(Counter)
        self._bytes: defaultdict[A, Counter[str]] = defaultdict(Counter)

    def __call__(self, event: Called | Moved) -> None:
        """Count an event."""
        account, kind = self._account_of(event), kind_of(event)
        with self._lock:
            if isinstance(event, Called):
                self._requests[account][kind] += 1
            else:
                self._bytes[account][kind] += event.size_bytes

    def so_far(self) -> Mapping[A, Usage]:
        """Return what was counted since it was last taken."""
        with self._lock:
            return self._counted()

    def take(self) -> Mapping[A, Usage]:
        """Return what was counted since it was last taken, and begin anew."""
        with self._lock:
            taken = self._counted()
            self._requests.clear()
            self._bytes.clear()
        return taken

    def take_of(self, account: A) -> Usage:
        """Take one account."""
        with self._lock:
            requests, count = self._requests.pop(account, Counter()), self._bytes.pop(account, Counter())
        return _usage(requests, count)

    def give_back(self, taken: Mapping[A, Usage]) -> None:
        """Add what was taken and could not be kept."""
        with self._lock:
            for account, usage in taken.items():
                self._requests[account].update(usage.requests)
                self._bytes[account].update(usage.bytes)

    def _counted(self) -> dict[A, Usage]:
        accounts = {*self._requests, *self._bytes}
        every = {each: _usage(self._requests[each], self._bytes[each]) for each in accounts}
        return {account: usage for account, usage in every.items() if usage != NOTHING}


def _usage(requests: Counter[str], count: Counter[str]) -> Usage:
    return Usage(requests=dict(requests.most_common(MOST_KINDS)), bytes=dict(count.most_common(MOST_KINDS)))
