"""Adapter: an event that also cuts what is too busy to look at it, such as a socket that waits for bytes."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class StopSignal(threading.Event):
    """Set once, from any thread, when work has to end at once."""

    def __init__(self) -> None:
        super().__init__()
        self._cuts: list[Callable[[], None]] = []
        self._registering = threading.Lock()

    def set(self) -> None:
        """End the work."""
        with self._registering:
            super().set()
            cuts = list(self._cuts)
        for cut in cuts:
            cut()

    @contextmanager
    def cutting(self, cut: Callable[[], None]) -> Iterator[None]:
        """Call `cut` when the signal is set while the block runs, at once if it is set already."""
        with self._registering:
            self._cuts.append(cut)
            already = self.is_set()
        if already:
            cut()
        try:
            yield
        finally:
            with self._registering:
                self._cuts.remove(cut)
