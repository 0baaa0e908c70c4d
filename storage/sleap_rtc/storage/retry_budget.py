"""Pure: how many retries a process may add to a store's load.

The token bucket of the AWS SDKs' standard mode: 500 tokens, 5 for a retry, 1 back for a success. In a full
outage it lets a hundred retries through and then only what successes earn, however many transfers there are.
"""

from __future__ import annotations

import threading

_TOKENS = 500
_RETRY_COST = 5
_SUCCESS_GAIN = 1


class RetryBudget:
    """Shared by all transfers of a process; safe to use from several threads."""

    def __init__(self, tokens: int = _TOKENS) -> None:
        self._most = self._left = tokens
        self._lock = threading.Lock()

    def spend(self) -> bool:
        """Take what a retry costs; False if there is not enough left."""
        with self._lock:
            if self._left < _RETRY_COST:
                return False
            self._left -= _RETRY_COST
            return True

    def earn(self) -> None:
        """A request succeeded."""
        with self._lock:
            self._left = min(self._most, self._left + _SUCCESS_GAIN)


OF_THIS_PROCESS = RetryBudget()
