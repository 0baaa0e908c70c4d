"""Rooms with signaling and workers that read out models, on a loop in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from sleap_rtc.client.live_room import live_room
from sleap_rtc.client.peer_models import PeerModels
from sleap_rtc.live.file_sender import FileSender
from sleap_rtc.live.patience import Patience
from sleap_rtc.live.sessions import Sessions
from sleap_rtc.live.signaling_client import Card, SignalingClient
from support.loop import LONGEST_S
from support.signaling_server import GOOD_TOKEN, SignalingServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path
    from types import TracebackType

    from sleap_rtc.live.file_sender import FileSource
    from sleap_rtc.live.peer_session import PeerSession

ROOM = "lab"
LONG = Patience()
# Reads out a folder until it is killed.
WORKER = """
import asyncio, sys
from pathlib import Path
from support.live_lab import hosting
from support.peers import Folder

async def main():
    async with hosting(sys.argv[1], "the process", Folder(Path(sys.argv[2]))):
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


class Host:
    """A worker as a live peer, which may be told to cut its connections."""

    def __init__(self, source: FileSource, cut_after_bytes: list[int]) -> None:
        self.sessions: list[PeerSession] = []
        self.senders: list[FileSender] = []
        self._source = source
        self._cut_after_bytes = cut_after_bytes

    async def welcome(self, session: PeerSession) -> None:
        """Serve, and cut the connection once so many bytes went out, one number for each session."""
        limit = self._cut_after_bytes.pop(0) if self._cut_after_bytes else None

        def sent(_: int) -> None:
            if limit is not None and sender.sent_bytes >= limit:
                session.end("the test cut it")

        sender = FileSender(session, self._source, sent)
        self.sessions.append(session)
        self.senders.append(sender)
        await sender.run()


@asynccontextmanager
async def hosting(
    url: str, peer_id: str, source: FileSource, room_id: str = ROOM, cut_after_bytes: list[int] | None = None
) -> AsyncIterator[Host]:
    """Be a worker of a room while the block runs."""
    host = Host(source, cut_after_bytes or [])
    signaling = SignalingClient(url, Card(room_id, peer_id, "worker"), lambda: GOOD_TOKEN)
    running = asyncio.create_task(Sessions(signaling, welcome=host.welcome).run())
    async with signaling.running():
        await signaling.registered()
        try:
            yield host
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


class LiveLab:
    """Signaling and workers for as long as the context is open."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._open = AsyncExitStack()
        self._processes: list[subprocess.Popen[str]] = []
        self.server = SignalingServer()

    def __enter__(self) -> LiveLab:
        self._thread.start()
        self._do(self._open.enter_async_context(self.server.running()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            with process:
                process.kill()
        self._do(self._open.aclose())
        self._do(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def host(self, peer_id: str, source: FileSource, **options: Any) -> Host:
        """Have a worker join a room."""
        hosted = hosting(self.server.url, peer_id, source, **options)
        host: Host = self._do(self._open.enter_async_context(hosted))
        return host

    def process(self, folder: Path) -> subprocess.Popen[str]:
        """Have a worker called `the process` join, which is a process of its own."""
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, self.server.url, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self._processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def peers(
        self, *peer_ids: str, room_id: str = ROOM, patience: Patience = LONG, url: str = ""
    ) -> PeerModels:
        """Return what a client takes models from."""
        where = url or self.server.url
        within_s = 1.0 if url else LONGEST_S
        return PeerModels(
            lambda: live_room(where, room_id, GOOD_TOKEN, within_s=within_s), peer_ids, patience
        )

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LONGEST_S)
