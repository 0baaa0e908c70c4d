"""Signaling at a hub, a worker and a client at their homes: processes, as a test drives them."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sleap_rtc.live.ice_server import IceServer
    from support.netns import Namespace, Town


class FarPeer:
    """One `far_peer` process.

    Args:
        where: its host.
        role: and what else the program is given.
    """

    def __init__(self, where: Namespace, *role: str) -> None:
        command = [sys.executable, "-m", "support.far_peer", *role]
        self._process = where.start(command, {"PYTHONPATH": os.pathsep.join(sys.path)})

    def hear(self) -> dict[str, Any]:
        """Return what it says next."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "it ended without a word"
        return dict(json.loads(line))

    def hear_until(self, name: str) -> dict[str, Any]:
        """Return the next thing with this name that it says."""
        while name not in (said := self.hear()):
            pass
        return said

    def go_on(self) -> None:
        """Let it go on where it waits for that."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Kill it."""
        with self._process as process:
            process.kill()


@dataclass(frozen=True)
class FarPeers:
    """A worker and a client."""

    worker: FarPeer
    client: FarPeer


@contextmanager
def far_peers(at: Town, told: Sequence[IceServer], file: Path, lines: int) -> Iterator[FarPeers]:
    """Run a worker with a job of so many lines, and a client that watches it and reads a file, in a room.

    Args:
        at: where; signaling is at the hub.
        told: the ICE servers that both are told of.
        file: what the client reads.
        lines: how much the job says; the second half once the worker may go on.
    """
    with ExitStack() as stack:

        def start(where: Namespace, *role: str) -> FarPeer:
            peer = FarPeer(where, *role)
            stack.callback(peer.end)
            return peer

        hub = start(at.hub, "hub", json.dumps([each.model_dump() for each in told]))
        assert hub.hear() == {"ready": True}
        worker = start(at.homes[1], "worker", str(file), str(lines))
        assert worker.hear() == {"ready": True}
        yield FarPeers(worker, start(at.homes[0], "client", str(file.stat().st_size), str(lines)))
