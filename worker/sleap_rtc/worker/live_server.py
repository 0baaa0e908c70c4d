"""Orchestration: a worker is a live peer of its room: its jobs can be watched, its models read."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from sleap_rtc.live.control import Control
from sleap_rtc.live.file_sender import FileSender
from sleap_rtc.live.job_host import JobFiles, JobHost
from sleap_rtc.live.sessions import Sessions
from sleap_rtc.live.signaling_messages import Metadata
from sleap_rtc.storage.errors import SleapRtcError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.live.file_sender import FileSource
    from sleap_rtc.live.job_board import JobBoard
    from sleap_rtc.live.peer_session import Path, PeerSession
    from sleap_rtc.live.signaling_client import SignalingClient
    from sleap_rtc.worker.direct_jobs import DirectJobs

log = logging.getLogger(__name__)

TAGS = ("sleap-rtc",)
MOST_GUESTS = 32


class LiveServer:
    """Serves for as long as `run` runs. Whatever happens to it, the worker goes on.

    Args:
        signaling: the worker's place among the room's peers.
        board: the jobs that may be watched and commanded.
        models: the models that may be read; None for a worker that reads none out.
        on_sent: called with the way to a peer and how many bytes of files went it.
        direct: takes jobs that peers hand over; None for a worker that takes none so.
    """

    def __init__(
        self,
        signaling: SignalingClient,
        board: JobBoard,
        models: FileSource | None,
        on_sent: Callable[[Path, int], None] = lambda _, __: None,
        direct: DirectJobs | None = None,
    ) -> None:
        self._signaling = signaling
        self._board = board
        self._direct = direct
        self._files = JobFiles(board, models)
        self._on_sent = on_sent

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set."""
        sessions = Sessions(
            self._signaling,
            ice_servers=lambda: self._signaling.ice_servers,
            welcome=self._serve,
            most_guests=MOST_GUESTS,
        )
        stopping = asyncio.create_task(stop.wait())
        tasks = [asyncio.create_task(self._signaling.run()), asyncio.create_task(sessions.run())]
        try:
            await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopping, *tasks):
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, SleapRtcError):
                log.warning("peers do not find this worker any more: %s", error)
            elif isinstance(error, Exception):
                log.error("peers do not find this worker any more", exc_info=error)

    async def _serve(self, session: PeerSession) -> None:
        control = Control(session)
        host = JobHost(session, control, self._board)
        if self._direct is not None:
            self._direct.serve(session, control)
        sender = FileSender(session, self._files, partial(self._on_sent, session.path), control)
        try:
            await sender.run()
        finally:
            host.close()
        log.info("read out %d bytes to %s, %s", sender.sent_bytes, session.peer_id, session.path)


def metadata(host_name: str, status: str, *, reads_models: bool) -> Metadata:
    """Return what a worker says of itself, in the existing tool's words and four of our own.

    Args:
        host_name: of the machine.
        status: whether it takes jobs over WebRTC: `available`, or one of those that the existing tool's
            clients do not look for.
        reads_models: whether it reads models out, and so takes jobs whose models are read from it.
    """
    properties: dict[str, Any] = {
        "gpu_memory_mb": 0,
        "gpu_model": "CPU",
        "sleap_version": "unknown",
        "cuda_version": "N/A",
        "hostname": host_name,
        "status": status,
        "max_concurrent_jobs": 1,
        "supported_models": ["base", "centroid", "topdown"],
        "supported_job_types": ["training"],
        "s3": True,
        "jobs": True,
        "models": reads_models,
        "direct_jobs": reads_models,
    }
    return Metadata(tags=TAGS, properties=properties)
