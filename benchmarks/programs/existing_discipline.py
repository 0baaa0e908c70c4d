"""Our engine, and the existing tool's discipline: frames of 64 KiB, a pause while 16 MiB are queued.

    python existing_discipline.py FILE

It answers one session over its standard input and output; any text on `bulk` makes it send the file.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from sleap_rtc.live.peer_session import PeerSession

_FRAME_BYTES = 64 * 1024
_QUEUE_BYTES = 16 * 1024 * 1024
_PAUSE_S = 0.1


async def send(session: PeerSession, content: bytes) -> None:
    """Send the file whenever it is asked for."""
    asked: asyncio.Queue[object] = asyncio.Queue()
    session.bulk.listen(asked.put_nowait)
    while True:
        await asked.get()
        for start in range(0, len(content), _FRAME_BYTES):
            while session.bulk.queued_bytes > _QUEUE_BYTES:  # noqa: ASYNC110 - that is the discipline
                await asyncio.sleep(_PAUSE_S)
            session.bulk.send(content[start : start + _FRAME_BYTES])
            await asyncio.sleep(0)


async def main() -> None:
    """Answer the offer on standard input, and serve until the session ends."""
    content = await asyncio.to_thread(Path(sys.argv[1]).read_bytes)
    offer = json.loads(await asyncio.to_thread(sys.stdin.readline))
    session, answer = await PeerSession.answering("benchmark", "client", offer)
    print(json.dumps(answer), flush=True)
    await session.opened()
    sending = asyncio.create_task(send(session, content))
    await session.wait_ended()
    sending.cancel()


if __name__ == "__main__":
    asyncio.run(main())  # the existing tool has Python's own event loop
