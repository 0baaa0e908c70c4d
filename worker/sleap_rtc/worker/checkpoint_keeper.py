"""Orchestration: brings the checkpoints of a training to the room, so that a lost worker costs little of it.

Nothing waits for it: it has a thread of its own, works on copies, and where a checkpoint does not get
through, there is none. Of several that come while one is on its way the newest is brought.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from sleap_rtc.events.checkpoints import Checkpoint
from sleap_rtc.events.jobs import LeaseLost
from sleap_rtc.events.worker_facts import CheckpointKept
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import DocumentUnreadable
from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.storage.file_upload import send_file
from sleap_rtc.storage.stop_signal import StopSignal
from sleap_rtc.storage.telling import tell
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.storage.transfer_hold import TransferHold
from sleap_rtc.worker.checkpoint_copy import Row, copy_run, described, write_curve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sleap_rtc.events.job_reports import Hold
    from sleap_rtc.storage.manifest import ModelFile
    from sleap_rtc.worker.checkpoint_store import CheckpointStore

log = logging.getLogger(__name__)

_AGAIN_AFTER_S = 5.0
"""A checkpoint that did not get through is not tried again before that."""
_THREADS = 2
"""Ranges under way at once: the uplink is not its own."""


@dataclass(frozen=True)
class TrainingFacts:
    """What a checkpoint has to agree with to be of use.

    Args:
        hold: of the job.
        turn: the place of the model among those of the job, counted from 0.
        model_type: of the model.
        config_checksum: of the configuration in the package.
        trainer: its title.
    """

    hold: Hold
    turn: int
    model_type: str
    config_checksum: str
    trainer: str


class CheckpointKeeper:
    """Keeps the checkpoints of one training.

    Args:
        store: where.
        facts: of the training.
        run: the folder that the engine writes into.
        copies: a folder of its own.
        every_s: how long one has to lie back before another is brought, in seconds.
        rows: what was measured of the epochs before.
        traffic: is told of requests and bytes.
    """

    def __init__(
        self,
        store: CheckpointStore,
        facts: TrainingFacts,
        run: Path,
        copies: Path,
        every_s: float,
        rows: Sequence[Row] = (),
        traffic: Traffic = SILENT,
    ) -> None:
        self._store = store
        self._facts = facts
        self._run = run
        self._copies = copies
        self._every_s = every_s
        self._rows = list(rows)
        self._traffic = traffic.of("checkpoint")
        self._news = threading.Condition()
        self._unsent = False
        self._last_call = False
        self._stop = StopSignal()
        self._thread = threading.Thread(target=self._work, name="checkpoints", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End; what is on its way is given up."""
        self._stop.set()
        with self._news:
            self._news.notify_all()
        self._thread.join()

    def epoch_ended(self, epoch: int, logs: Mapping[str, Any]) -> None:
        """Note an epoch, whose checkpoint is written; waits for nothing."""
        with self._news:
            self._rows = [*(row for row in self._rows if row["epoch"] < epoch), {"epoch": epoch, **logs}]
            self._unsent = True
            self._news.notify_all()

    def finish(self, within_s: float) -> None:
        """Bring the newest one if it is not there yet, but wait no longer than this, in seconds."""
        with self._news:
            self._last_call = True
            self._news.notify_all()
        self._thread.join(within_s)

    def _work(self) -> None:
        due = 0.0
        while self._wait(due):
            due = time.monotonic() + self._every_s
            try:
                self._bring()
            except LeaseLost as lost:
                log.info("job %s: no more checkpoints: %s", self._facts.hold.job_id, lost)
                return
            except (OSError, SleapRtcError) as error:
                if self._stop.is_set():
                    log.info("job %s: a checkpoint is not needed any more", self._facts.hold.job_id)
                    return
                log.warning("job %s: a checkpoint was not kept: %s", self._facts.hold.job_id, error)
                tell(CheckpointKept("failed"))
                due = time.monotonic() + max(self._every_s, _AGAIN_AFTER_S)
                with self._news:
                    self._unsent = not self._last_call

    def _wait(self, due: float) -> bool:
        """Wait until there is something to bring; return whether there is."""
        with self._news:
            while not self._stop.is_set():
                left_s = due - time.monotonic()
                if self._unsent and (self._last_call or left_s <= 0):
                    self._unsent = False
                    return True
                if self._last_call:
                    return False
                self._news.wait(left_s if self._unsent else None)
        return False

    def _bring(self) -> None:
        # Before the files: what was heard of is written, so a checkpoint may have more in it, and never less.
        epoch = self._rows[-1]["epoch"]
        copies = copy_run(self._run, self._copies)
        if not copies:
            return
        folder = self._free_folder()
        files = [self._sent(path, folder) for path in copies]
        # After them: by now an epoch that ended a moment ago has been heard of, too; what is too much of them
        # is left out when the training goes on.
        files.append(self._sent(write_curve(self._copies, self._rows), folder))
        facts = self._facts
        checkpoint = Checkpoint(
            room_id=folder.room_id,
            job_id=folder.job_id,
            fencing=folder.fencing,
            slot=folder.slot,
            turn=facts.turn,
            epoch=epoch,
            model_type=facts.model_type,
            config_checksum=facts.config_checksum,
            trainer=facts.trainer,
            files=tuple(files),
            saved_at=datetime.now(UTC),
        )
        self._store.keep(checkpoint)
        tell(CheckpointKept("sent"))
        log.info("job %s: the checkpoint after epoch %d is kept", folder.job_id, checkpoint.epoch + 1)

    def _free_folder(self) -> keys.CheckpointFolder:
        hold = self._facts.hold
        try:
            present = self._store.find(hold)
        except DocumentUnreadable:
            present = None
        taken = present is not None and (present.fencing, present.slot) == (hold.fencing, "a")
        return keys.CheckpointFolder(hold.room_id, hold.job_id, hold.fencing, "b" if taken else "a")

    def _sent(self, path: Path, folder: keys.CheckpointFolder) -> ModelFile:
        file = described(path)
        upload = self._store.open(folder, file)
        hold = TransferHold(self._stop)
        send_file(path, file, upload, threads=_THREADS, hold=hold, traffic=self._traffic)
        return file
