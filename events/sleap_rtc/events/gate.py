"""Pure: the port by which a consumer shares its places with work that does not come from its queue."""

from __future__ import annotations

from typing import Protocol


class Gate(Protocol):
    """Whether there is a place for one more message."""

    async def wait(self) -> None:
        """Wait until it is worth asking the queue for a message."""

    def enter(self) -> bool:
        """Take a place for a message that came; False if somebody else was faster."""

    def leave(self) -> None:
        """Give the place back."""


class OpenGate:
    """There is nobody to share with."""

    async def wait(self) -> None:
        """Wait for nothing."""

    def enter(self) -> bool:
        """Let every message in."""
        return True

    def leave(self) -> None:
        """Let it go."""
