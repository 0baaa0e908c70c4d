"""Orchestration: the one place at which this worker trains, whether for a job of its room or for a peer.

Whoever takes it has it until he gives it back. The room is told of each change (`live_status`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from sleap_rtc.events.worker_facts import WorkerBusy
from sleap_rtc.storage.telling import tell


@dataclass(frozen=True)
class Holder:
    """Who has the slot: a peer, or without one the queue; `at_work` once he has brought his job."""

    peer_id: str = ""
    at_work: bool = True


class Slot:
    """Everything here belongs to one event loop."""

    def __init__(self) -> None:
        self._holder: Holder | None = None
        self._changed = asyncio.Event()
        self._freed = asyncio.Event()
        self._freed.set()
        tell(WorkerBusy(busy=False))

    @property
    def holder(self) -> Holder | None:
        """Who has it; None if nobody has."""
        return self._holder

    def take(self, holder: Holder) -> bool:
        """Take it, if it is free."""
        if self._holder is not None:
            return False
        self._set(holder)
        return True

    def work(self) -> None:
        """Note that whoever has it is at work now."""
        if self._holder is not None:
            self._set(replace(self._holder, at_work=True))

    def give_back(self) -> None:
        """Let the next one have it."""
        self._set(None)

    async def wait(self) -> None:
        """Wait until it is free."""
        await self._freed.wait()

    async def wait_changed(self) -> None:
        """Wait until it is in other hands, or used otherwise, than when this last returned."""
        await self._changed.wait()
        self._changed.clear()

    def enter(self) -> bool:
        """Take it for a message of the queue."""
        return self.take(Holder())

    def leave(self) -> None:
        """Give it back for the queue."""
        self.give_back()

    def _set(self, holder: Holder | None) -> None:
        self._holder = holder
        self._changed.set()
        tell(WorkerBusy(holder is not None))
        if holder is None:
            self._freed.set()
        else:
            self._freed.clear()


def properties_of(holder: Holder | None) -> dict[str, Any]:
    """Return what a worker says of itself, in the existing tool's words and one of our server's.

    The server declines offers for a worker that is not available, except those of the peer that it is
    `reserved_for`.
    """
    if holder is None:
        return {"status": "available", "reserved_for": ""}
    return {"status": "busy" if holder.at_work else "reserved", "reserved_for": holder.peer_id}
