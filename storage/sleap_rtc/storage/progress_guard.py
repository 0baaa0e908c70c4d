"""Adapter: stands between a transfer and whoever watches it, so that neither can harm the other."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sleap_rtc.storage.progress import ProgressHook, TransferProgress

log = logging.getLogger(__name__)


class GuardedHook:
    """A progress hook that never raises, and never goes back.

    The hook behind it is called by one thread at a time. What would take bytes back that it was told of is
    not passed on: threads may report out of order. What it raises is logged once and ends nothing.
    """

    def __init__(self, hook: ProgressHook) -> None:
        self._hook = hook
        self._lock = threading.Lock()
        self._told_bytes = 0
        self._failed = False

    def __call__(self, progress: TransferProgress, /) -> None:
        """Pass progress on."""
        with self._lock:
            if progress.done_bytes < self._told_bytes:
                return
            self._told_bytes = progress.done_bytes
            try:
                self._hook(progress)
            except Exception:
                if not self._failed:
                    log.warning("the progress of a transfer cannot be shown", exc_info=True)
                self._failed = True
