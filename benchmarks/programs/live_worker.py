"""A worker that is at one job and answers one session over its standard input and output.

    python live_worker.py FILE [DOWNLOAD]

FILE is the job's `sample.png`. Every 20 ms the job tells of an epoch, which must arrive, and of a batch,
which may be dropped. DOWNLOAD (JSON: url, etag, checksum, size_bytes, target) is a dataset that comes
meanwhile, again and again, and is held and let go on by commands; without it commands are answered and do
nothing. After each further line on standard input it prints what its processor time went into since the last.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from cpu_shares import CpuShares

from sleap_rtc.events.job_commands import Command, CommandAnswer
from sleap_rtc.events.job_progress import BatchEnded, EpochEnded
from sleap_rtc.live.control import Control
from sleap_rtc.live.event_loop import run
from sleap_rtc.live.file_sender import FileSender
from sleap_rtc.live.job_board import JobBoard, JobRun
from sleap_rtc.live.job_host import JobFiles, JobHost
from sleap_rtc.live.peer_session import PeerSession
from sleap_rtc.storage.download_engine import RemoteObject, download
from sleap_rtc.storage.errors import TransferFailed
from sleap_rtc.storage.stop_signal import StopSignal
from sleap_rtc.worker.transfer_stage import TransferStage

JOB = "01KAZ3CJ9C0000000000000000"
EVENT_EVERY_S = 0.02


class Work:
    """What the worker does for its job."""

    def __init__(self, file: Path, dataset: dict[str, Any] | None) -> None:
        self._stop = StopSignal()
        self._stage: TransferStage | None = None
        self.run = JobRun(JOB, 1, self._obey, lambda _: file)
        if dataset is not None:
            self._stage = TransferStage(
                "download", "dataset", dataset["size_bytes"], self._stop, self.run.tell
            )
            threading.Thread(target=self._fetch, args=(dataset, self._stage)).start()

    def end(self) -> None:
        """End what is under way."""
        self._stop.set()

    async def tell(self) -> None:
        """Tell of epochs and batches until cancelled."""
        number = 0
        while True:
            self.run.tell(EpochEnded(epoch=number, logs={"train/loss": 1 / (number + 1)}))
            self.run.tell(BatchEnded(epoch=number, batch=0))
            number += 1
            await asyncio.sleep(EVENT_EVERY_S)

    def _obey(self, command: Command, command_id: str, by: str) -> CommandAnswer:
        if self._stage is not None:
            return self._stage.obey(command, command_id, by)
        return CommandAnswer(outcome="done", text="done")

    def _fetch(self, dataset: dict[str, Any], stage: TransferStage) -> None:
        source = RemoteObject(
            "dataset",
            dataset["size_bytes"],
            dataset["etag"],
            dataset["checksum"],
            lambda: str(dataset["url"]),
        )
        target = Path(dataset["target"])

        def go_on(stop: StopSignal) -> None:
            download(source, target, on_progress=stage.moved, stop=stop)

        with suppress(TransferFailed):
            while not self._stop.is_set():
                stage.hold.carry("dataset", go_on)
                target.unlink()


async def tell_costs() -> None:
    """Tell where the time went, whenever that is asked."""
    shares, spent_s = CpuShares(), time.process_time()
    shares.start()
    while await asyncio.to_thread(sys.stdin.readline):
        found, now_s = shares.stop(), time.process_time()
        print(json.dumps({"cpu_s": now_s - spent_s, "shares": found}), flush=True)
        shares, spent_s = CpuShares(), now_s
        shares.start()


async def main() -> None:
    """Answer the offer on standard input, and serve until the session ends."""
    file, *more = sys.argv[1:]
    offer = json.loads(await asyncio.to_thread(sys.stdin.readline))
    session, answer = await PeerSession.answering("benchmark", "client", offer)
    print(json.dumps(answer), flush=True)
    await session.opened()
    work, board = Work(Path(file), json.loads(more[0]) if more else None), JobBoard()
    board.put(work.run)
    control = Control(session)
    host = JobHost(session, control, board)
    beside = [asyncio.create_task(work.tell()), asyncio.create_task(tell_costs())]
    try:
        await FileSender(session, JobFiles(board, None), control=control).run()
    finally:
        work.end()
        host.close()
        for task in beside:
            task.cancel()


if __name__ == "__main__":
    run(main())
