"""A peer that answers one session over its standard input and output, and sends a file in one of two ways.

    python live_peer.py ours|existing FILE

`ours` reads ranges out as a worker does. `existing` has the existing tool's discipline: frames of 64 KiB, a
pause of 0.1 s whenever more than 16 MiB are queued; any text on `bulk` makes it begin.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.live.file_sender import FileSender
from sleap_rtc.live.peer_session import PeerSession

if TYPE_CHECKING:
    from sleap_rtc.live.file_requests import What

EXISTING_FRAME_BYTES = 64 * 1024
EXISTING_QUEUE_BYTES = 16 * 1024 * 1024
EXISTING_PAUSE_S = 0.1


class OneFile:
    """Reads one file out under any name."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, what: What) -> Path:
        """Return where the file lies."""
        del what
        return self._path


async def existing(session: PeerSession, path: Path) -> None:
    """Send the file whenever it is asked for."""
    asked: asyncio.Queue[object] = asyncio.Queue()
    session.bulk.listen(asked.put_nowait)
    content = await asyncio.to_thread(path.read_bytes)
    while True:
        await asked.get()
        for start in range(0, len(content), EXISTING_FRAME_BYTES):
            while session.bulk.queued_bytes > EXISTING_QUEUE_BYTES:  # noqa: ASYNC110 - that is the discipline
                await asyncio.sleep(EXISTING_PAUSE_S)
            session.bulk.send(content[start : start + EXISTING_FRAME_BYTES])
            await asyncio.sleep(0)


async def main() -> None:
    """Answer the offer on standard input, and serve until it ends."""
    way, path = sys.argv[1], Path(sys.argv[2])
    offer = json.loads(await asyncio.to_thread(sys.stdin.readline))
    session, answer = await PeerSession.answering("benchmark", "client", offer)
    print(json.dumps(answer), flush=True)
    await session.opened()
    if way == "ours":
        await FileSender(session, OneFile(path)).run()
        return
    sending = asyncio.create_task(existing(session, path))
    await session.wait_ended()
    sending.cancel()


if __name__ == "__main__":
    asyncio.run(main())
