"""A peer that is a process of its own, for hosts that a test cannot be at: signaling, a worker, or a client.

    python -m support.far_peer hub ICE_SERVERS      signaling at PORT, on every address
    python -m support.far_peer worker FILE LINES    is at a job of so many lines; FILE is its sample.png
    python -m support.far_peer client SIZE LINES    watches the job to its last line, over as many sessions as
                                                    that takes, and reads the file

What happens is printed, a JSON object a line. The worker tells the second half of its lines after a line on
standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sleap_rtc.client.live_room import live_room
from sleap_rtc.client.worker_talk import WorkerTalk
from sleap_rtc.events.job_commands import CommandAnswer, Pause
from sleap_rtc.events.job_progress import BatchEnded, LineLogged
from sleap_rtc.live.control import Control
from sleap_rtc.live.errors import PeerLost
from sleap_rtc.live.file_requests import What
from sleap_rtc.live.file_sender import FileSender
from sleap_rtc.live.ice_server import IceServer
from sleap_rtc.live.job_board import JobBoard, JobRun
from sleap_rtc.live.job_host import JobFiles, JobHost
from sleap_rtc.live.sessions import Sessions
from sleap_rtc.live.signaling_client import Card, SignalingClient
from sleap_rtc.storage.errors import Unreachable
from support.netns import HUB_ADDRESS
from support.signaling_server import GOOD_TOKEN, SignalingServer

if TYPE_CHECKING:
    from sleap_rtc.events.job_commands import Command
    from sleap_rtc.live.peer_session import PeerSession

PORT = 8080
URL = f"ws://{HUB_ADDRESS}:{PORT}/ws"
ROOM, WORKER = "lab", "worker"
JOB = "01KAZ3CJ9C0000000000000000"
COMMAND = "01KAZ3CJ9C0000000000000001"
_BETWEEN_LINES_S = 0.01
_PAUSE_S = 0.5


def say(**what: Any) -> None:
    """Tell the test."""
    print(json.dumps(what), flush=True)


async def heard() -> None:
    """Wait for a line of the test's."""
    await asyncio.to_thread(sys.stdin.readline)


async def hub(ice_servers: str) -> None:
    """Be the signaling."""
    server = SignalingServer([IceServer.model_validate(each) for each in json.loads(ice_servers)])
    async with server.running("0.0.0.0", PORT):
        say(ready=True)
        await asyncio.Event().wait()


async def worker(file: str, lines: str) -> None:
    """Be at a job."""
    board = JobBoard()
    run = JobRun(JOB, 1, _obey, lambda name: Path(file) if name == "sample.png" else None)
    board.put(run)

    async def welcome(session: PeerSession) -> None:
        say(path=session.path)
        control = Control(session)
        host = JobHost(session, control, board)
        try:
            await FileSender(session, JobFiles(board, None), control=control).run()
        finally:
            host.close()
            say(ended=session.why_ended)

    signaling = SignalingClient(URL, Card(ROOM, WORKER, "worker"), lambda: GOOD_TOKEN)
    sessions = Sessions(signaling, ice_servers=lambda: signaling.ice_servers, welcome=welcome)
    async with signaling.running():
        await signaling.registered()
        serving = asyncio.create_task(sessions.run())
        say(ready=True)
        for number in range(1, int(lines) + 1):
            run.tell(LineLogged(text=f"line {number}"))
            run.tell(BatchEnded(epoch=0, batch=number))
            if number == int(lines) // 2:
                await heard()
            await asyncio.sleep(_BETWEEN_LINES_S)
        await serving


def _obey(command: Command, command_id: str, by: str) -> CommandAnswer:
    del command_id
    return CommandAnswer(outcome="done", text=f"{command.name} for {by.partition('#')[0]}")


class Watcher:
    """Watches the job, and reads its file once there is a session."""

    def __init__(self, size: int, lines: int) -> None:
        self._size = size
        self._lines = lines
        self._seen: list[str] = []
        self._after = 0
        self._read = False

    async def run(self) -> None:
        """Watch to the last line; without ever a session, say why and end."""
        begun = time.monotonic()
        while len(self._seen) < self._lines:
            try:
                talk = await WorkerTalk.begin(lambda: live_room(URL, ROOM, GOOD_TOKEN), WORKER, JOB)
            except Unreachable as error:
                say(unreachable=str(error), after_s=time.monotonic() - begun)
                if not self._seen:
                    return
                await asyncio.sleep(_PAUSE_S)
                continue
            try:
                await self._watch(talk)
            except (PeerLost, TimeoutError) as error:
                say(lost=str(error))
            finally:
                await talk.end()
        say(seen=self._seen)

    async def _watch(self, talk: WorkerTalk) -> None:
        attached = await talk.attachment.attach(1 if self._seen else 0, self._after)
        answer = await talk.attachment.command(Pause(), COMMAND)
        say(path=talk.session.path, missed=attached.missed, answer=answer.text)
        if not self._read:
            what = What(job_id=JOB, file="sample.png")
            _, crc = await talk.files.read(what, 0, self._size, self._size)
            say(crc=crc)
            self._read = True
        while len(self._seen) < self._lines:
            told = await talk.attachment.next()
            if isinstance(told.event, LineLogged):
                self._seen.append(told.event.text)
                self._after = told.seq
                if len(self._seen) == self._lines // 4:
                    say(quarter=True)


async def main(role: str, *arguments: str) -> None:
    """Be what is asked for."""
    match role:
        case "hub":
            await hub(*arguments)
        case "worker":
            await worker(*arguments)
        case _:
            size, lines = arguments
            await Watcher(int(size), int(lines)).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
