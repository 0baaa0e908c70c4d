"""Adapter: a rate that bytes keep, by sleeping; not the product's own, which is measured against it."""

from __future__ import annotations

import threading
import time


class Pace:
    """Lets so many bytes a second pass; threads that share one share the rate."""

    def __init__(self, bytes_s: float) -> None:
        self._bytes_s = bytes_s
        self._free_at = 0.0
        self._lock = threading.Lock()

    def wait(self, size_bytes: int) -> None:
        """Wait as long as these bytes take."""
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + size_bytes / self._bytes_s
            free_at = self._free_at
        time.sleep(max(0.0, free_at - time.monotonic()))
