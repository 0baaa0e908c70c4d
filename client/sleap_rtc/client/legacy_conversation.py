"""Pure: what a worker of the existing tool says about one job, in order, and what is to be made of it.

    training     TRAIN_JOB_START, lines, TRAIN_JOB_END | TRAIN_JOB_ERROR, … once for each configuration
                 TRAINING_JOBS_DONE    comes after errors too
                 FILE_META, bytes, END_OF_FILE    the results; after errors none, or those of an earlier job
    inference    INFERENCE_START, INFERENCE_JOB_START, TRACK_LOG, INFERENCE_JOB_END | INFERENCE_JOB_ERROR
                 FILE_META, bytes, END_OF_FILE    the predictions, if there are any
                 INFERENCE_JOBS_DONE   not after an error

The worker never closes the connection, and says nothing where its engine is missing or its package has no
script: so what it does not say in time ends the conversation as well.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sleap_rtc.live.legacy_frames import (
    EndOfFile,
    FileMeta,
    InferenceError,
    InferenceJobEnd,
    InferenceJobError,
    InferenceJobsDone,
    InferenceJobStart,
    InferenceStart,
    LogLine,
    ProgressReport,
    TrackLog,
    TrainingJobsDone,
    TrainJobEnd,
    TrainJobError,
    TrainJobStart,
)
from sleap_rtc.storage.errors import ExitCode, SleapRtcError, Unreachable

if TYPE_CHECKING:
    from sleap_rtc.live.legacy_frames import LegacyFrame

LAST_LINES = 5


class Phase(StrEnum):
    """What is waited for."""

    PACKAGE = "package"
    """The worker has the package and has not begun."""
    FIRST_LINE = "first line"
    """A job began; its engine has said nothing."""
    LINES = "lines"
    RESULTS = "results"
    """Nothing more is done; the file is to come."""
    FILE = "file"
    OVER = "over"
    """The file is whole, or there will be none."""


@dataclass(frozen=True)
class Patience:
    """For how long a worker may say nothing at all, in seconds.

    An engine takes a minute to load on a slow machine, and most print a line every few seconds from then on.
    """

    package_s: float = 180.0
    first_line_s: float = 300.0
    lines_s: float = 1800.0
    results_s: float = 600.0
    file_s: float = 60.0

    def of(self, phase: Phase) -> float:
        """Return how long is borne in a phase."""
        return {
            Phase.PACKAGE: self.package_s,
            Phase.FIRST_LINE: self.first_line_s,
            Phase.LINES: self.lines_s,
            Phase.RESULTS: self.results_s,
            Phase.FILE: self.file_s,
            Phase.OVER: 0.0,
        }[phase]


class LegacyJobFailed(SleapRtcError):
    """{what} failed on worker {worker} ({why}). The last lines: {last_lines}"""

    exit_code = ExitCode.JOB_FAILED
    what: str
    worker: str
    why: str
    last_lines: str


class LegacyWorkerSilent(Unreachable):
    """Worker {where} {why}. Look at its output, then run the command again."""


class LegacyWorkerGone(Unreachable):
    """Worker {where} is gone: {why}. Nothing of the results came; run the command again when it is back."""


@dataclass(frozen=True)
class Failure:
    """A job of a package, and how it ended."""

    job: str
    why: str


class LegacyConversation:
    """One job, from the end of the package on.

    Args:
        worker: as people are told it.
    """

    def __init__(self, worker: str) -> None:
        self.phase = Phase.PACKAGE
        self.job = ""
        """The configuration that is trained, or `inference`."""
        self.failures: list[Failure] = []
        self.done: list[str] = []
        """Configurations whose training ended well."""
        self._worker = worker
        self._last: deque[str] = deque(maxlen=LAST_LINES)

    def take(self, frame: LegacyFrame | bytes) -> None:
        """Take what the worker said, unless it is bytes of the file, which change nothing."""
        match frame:
            case LogLine(text) | TrackLog(text):
                self._line(text)
            case ProgressReport() if self.phase in (Phase.PACKAGE, Phase.FIRST_LINE):
                self.phase = Phase.LINES
            case TrainJobStart(job) | InferenceJobStart(job):
                self.job, self.phase = job, Phase.FIRST_LINE
            case InferenceStart():
                self.phase = Phase.FIRST_LINE
            case TrainJobEnd(job) | InferenceJobEnd(job):
                self.done.append(job)
                self.phase = Phase.RESULTS
            case TrainJobError(job, why):
                self.failures.append(Failure(job, _in_words(why)))
                self.phase = Phase.LINES  # another configuration may follow
            case InferenceJobError(job, why):
                self._no_more(Failure(job, _in_words(why)))
            case InferenceError(why):
                self._no_more(Failure("inference", why))
            case TrainingJobsDone():
                # What comes after nothing but errors would be the results of an earlier job.
                self.phase = Phase.OVER if self.failures and not self.done else Phase.RESULTS
            case InferenceJobsDone() if self.phase is not Phase.OVER:
                self._no_more(Failure("inference", "it made no predictions"))
            case FileMeta() if self.phase is not Phase.OVER:
                self.phase = Phase.FILE
            case EndOfFile():
                self.phase = Phase.OVER

    def silent(self, for_s: float) -> LegacyWorkerSilent:
        """Return what it means that nothing was said for so long in the present phase."""
        job = self.job or "the job"
        why = {
            Phase.PACKAGE: "took the package and did not begin; the package may lack the script that it runs",
            Phase.FIRST_LINE: f"began with {job} and then said nothing; its engine may be missing",
            Phase.LINES: f"said nothing of {job} any more",
            Phase.FILE: "stopped in the middle of the results",
        }.get(self.phase, f"did not send the results of {job}")
        return LegacyWorkerSilent(where=self._worker, why=f"{why} (for {for_s:g} s)")

    def gone(self, why: str) -> LegacyWorkerGone:
        """Return what it means that the connection ended before the results were here."""
        return LegacyWorkerGone(where=self._worker, why=why)

    def failed(self) -> LegacyJobFailed:
        """Return that the job failed, and with what words."""
        jobs = ", ".join(failure.job for failure in self.failures)
        whys = ", ".join(dict.fromkeys(failure.why for failure in self.failures))
        words = " | ".join(self._last) or "there were none."
        return LegacyJobFailed(what=jobs, worker=self._worker, why=whys, last_lines=words)

    def _line(self, text: str) -> None:
        if self.phase in (Phase.PACKAGE, Phase.FIRST_LINE):
            self.phase = Phase.LINES
        if text.strip():
            self._last.append(text.strip())

    def _no_more(self, failure: Failure) -> None:
        self.failures.append(failure)
        self.phase = Phase.OVER


def _in_words(why: str) -> str:
    """Return what an error says: the existing worker tells an exit status, ours may tell a reason."""
    if why.lstrip("-").isdigit():
        return f"exit code {why}"
    return why.rstrip(".") or "no reason was given"
