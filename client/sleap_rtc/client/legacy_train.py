"""Orchestration: a package goes to a worker of the existing tool, and what it made comes back."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.client.job_show import WithGui
from sleap_rtc.client.legacy_job import LegacyJob
from sleap_rtc.client.legacy_package import legacy_package
from sleap_rtc.live.errors import PeerUnreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleap_rtc.client.job_show import JsonShow, TextShow
    from sleap_rtc.client.legacy_conversation import Failure, LegacyJobFailed, Patience
    from sleap_rtc.client.legacy_job import LegacyWatcher
    from sleap_rtc.client.live_room import LiveRoom
    from sleap_rtc.client.train_order import GuiPorts
    from sleap_rtc.client.worker_choice import Candidate

_MOST_TRIED = 3


class LegacyResults:
    """What came of a job: a file, and which parts of the package it is of.

    Args:
        path: of the file.
        job: the job.
    """

    def __init__(self, path: Path, job: LegacyJob) -> None:
        self.path = path
        self.done = tuple(job.conversation.done)
        self.failures: Sequence[Failure] = tuple(job.conversation.failures)
        self._job = job

    @property
    def failure(self) -> LegacyJobFailed | None:
        """What went wrong with a part of the package."""
        return self._job.conversation.failed() if self.failures else None


async def run_legacy_job(
    room: LiveRoom,
    workers: Sequence[Candidate],
    package: Path,
    kind: str,
    target: Path,
    show: TextShow | JsonShow,
    gui: GuiPorts | None = None,
    patience: Patience | None = None,
) -> LegacyResults:
    """Have one of the workers do a job and put its results in their place.

    Args:
        room: our place among the room's peers.
        workers: whom to ask, the best first; the next one only if one cannot be connected to.
        package: a zip file.
        kind: `train` or `track`.
        target: where the results are to lie; a file that is there is replaced once they are whole.
        show: is told what happens.
        gui: where the engine's progress goes, too.
        patience: how long a worker may be silent.

    Raises:
        PackageUnusable, FileMissing: the package cannot be sent.
        PeerUnreachable: no worker can be connected to.
        LegacyWorkerSilent, LegacyWorkerGone, LegacyJobFailed, LegacyFileRefused: there are no results.
        DiskFull, OSError: they cannot be written.
    """
    # Beside the target, so that results which cannot be put there are not waited for.
    with tempfile.TemporaryDirectory(prefix=".sleap-rtc-", dir=target.parent) as name:
        folder = Path(name)
        ready = await asyncio.to_thread(legacy_package, package, kind, folder)
        received = folder / "results"
        received.mkdir()
        async with AsyncExitStack() as stack:
            watcher: LegacyWatcher = show
            bridge = None
            if gui is not None:
                from sleap_rtc.client.gui_bridge import GuiBridge

                bridge = await stack.enter_async_context(GuiBridge(gui.controller, gui.publish))
                watcher = WithGui(show, bridge)
            for place, worker in enumerate(workers[:_MOST_TRIED], 1):
                job = LegacyJob(
                    room.signaling,
                    worker,
                    ready,
                    received,
                    watcher,
                    wants_progress=bridge is not None,
                    ice_servers=room.ice_servers,
                    patience=patience,
                )
                if bridge is not None:
                    bridge.on_command = job.command
                try:
                    path = await job.run()
                except PeerUnreachable:
                    if place == len(workers[:_MOST_TRIED]):
                        raise
                    continue
                path.replace(target)
                return LegacyResults(target, job)
    raise AssertionError("there is a worker at least")
