"""Orchestration: whether the service answers, told once when it goes away and once when it is back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sleap_rtc.storage.errors import SleapRtcError


class ConnectionWatcher(Protocol):
    """Shows that the service is away."""

    def on_trouble(self, text: str) -> None:
        """The connection is cut; it is tried again."""

    def on_recovery(self) -> None:
        """The service answers again."""


class Connection:
    """Keeps a service that is away for an hour from being an hour of lines."""

    def __init__(self, watcher: ConnectionWatcher) -> None:
        self._watcher = watcher
        self._cut = False

    def cut(self, error: SleapRtcError) -> None:
        """The service did not answer."""
        if not self._cut:
            self._watcher.on_trouble(str(error))
        self._cut = True

    def answered(self) -> None:
        """The service answered."""
        if self._cut:
            self._watcher.on_recovery()
        self._cut = False
