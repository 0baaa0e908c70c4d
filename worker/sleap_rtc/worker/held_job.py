"""Orchestration: a job while this worker holds it.

The lease is renewed in the background, and the record is looked at more often than that, so that a job that
somebody cancels stops within seconds; more often still while somebody watches or commands the job by way of
its record. Once it is lost `stop` is set and every further report is refused: what
a stale worker made is not published.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from sleap_rtc.events.job_asks import is_attended
from sleap_rtc.events.job_reports import Advanced, Failed, Finished, GivenBack, Hold, ModelSent, Renewed
from sleap_rtc.events.jobs import JobState, LeaseLost
from sleap_rtc.events.tracing import in_this_span
from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.storage.stop_signal import StopSignal

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from sleap_rtc.events.inference import ResultFile
    from sleap_rtc.events.job_desk import JobDesk
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.storage.manifest import ModelTurn

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
"""A GET every five seconds is 720 an hour: $0.0003 at $0.0004 per 1,000 (S3 in us-east-1, November 2026)."""
LOOK_OFTEN_S = 2.0
"""While somebody watches: 1,800 GETs an hour, $0.0007."""

_LONGEST_NOTE = 500
_LONGEST_REASON = 1000
_LONGEST_MESSAGE = 4000


class HeldJob:
    """Reports on one claimed job, and learns when it is not ours any more.

    Args:
        desk: where.
        job: as it was claimed.
        lease_s: for how long a claim holds without renewal, in seconds.
        on_look: told of the record at first and after each look, in the thread that keeps the lease: it waits
            for nothing.
    """

    def __init__(
        self, desk: JobDesk, job: Job, lease_s: float, on_look: Callable[[Job], object] = lambda _: None
    ) -> None:
        self._desk = desk
        self.job = job
        self._lease_s = lease_s
        self._on_look = on_look
        self.hold = Hold(job.room_id, job.job_id, job.fencing)
        self.stop = StopSignal()
        """Set when work has to end at once: the job is lost or cancelled, or the worker shuts down."""
        self.lost: LeaseLost | None = None
        """Why the job is not ours any more."""
        self._released = threading.Event()
        self._watch = threading.Thread(target=in_this_span(self._keep), name="lease", daemon=True)

    def __enter__(self) -> Self:
        """Keep the lease alive."""
        self._on_look(self.job)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop renewing."""
        self._released.set()
        self._watch.join()

    def advance(
        self,
        state: Literal[JobState.DOWNLOADING, JobState.TRAINING, JobState.UPLOADING],
        note: str = "",
        model_id: str | None = None,
        model_type: str | None = None,
    ) -> None:
        """Move on to the next step. Raises LeaseLost."""
        note = note[:_LONGEST_NOTE]
        report = Advanced(state=state, note=note, model_id=model_id, model_type=model_type)
        self.job = self._desk.report(self.hold, report)

    def sent(self, model_id: str, model_type: str, turn: ModelTurn) -> None:
        """Let a model count that others follow. Raises LeaseLost."""
        report = ModelSent(model_id=model_id, model_type=model_type, turn=turn)
        self.job = self._desk.report(self.hold, report)

    def finish(self, results: tuple[ResultFile, ...]) -> None:
        """End the job with the predictions that lie in its results folder. Raises LeaseLost, InputError."""
        self.job = self._desk.report(self.hold, Finished(results=results))

    def fail(self, code: str, message: str) -> None:
        """End the job without a model. Raises LeaseLost."""
        self.job = self._desk.report(self.hold, Failed(code=code, message=message[:_LONGEST_MESSAGE]))

    def give_back(self, reason: str, delay_s: float = 0, *, counts: bool) -> None:
        """Let another attempt have it after a delay. Raises LeaseLost."""
        report = GivenBack(reason=reason[:_LONGEST_REASON], delay_s=delay_s, counts=counts)
        self.job = self._desk.report(self.hold, report)

    def _keep(self) -> None:
        renew_every_s = self._lease_s / 3
        renew_at = time.monotonic() + renew_every_s
        job = self.job
        while not self._released.wait(min(_look_every_s(job), renew_every_s)):
            try:
                if time.monotonic() >= renew_at:
                    job = self._desk.report(self.hold, Renewed())
                    renew_at = time.monotonic() + renew_every_s
                else:
                    job = self._desk.look(self.hold)
                self._on_look(job)
            except LeaseLost as error:
                if not self._released.is_set():
                    self.lost = error
                    self.stop.set()
                return
            except SleapRtcError as error:
                log.warning("job %s: the lease was not renewed: %s", self.hold.job_id, error)


def _look_every_s(job: Job) -> float:
    return LOOK_OFTEN_S if is_attended(job, datetime.now(UTC)) else LOOK_EVERY_S
