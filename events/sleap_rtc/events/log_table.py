"""Pure: the one table of the lines in logs that operators may rely on: their `event` does not change.

All other lines are for people, and change as they need to. Each transfer has one line, its parts have none.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from string import Formatter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sleap_rtc.events.spans import Part

SWEEP: Final = "reconcile"
"""The cause of what the sweep did in place of an event that was lost."""


@dataclass(frozen=True)
class LogEvent:
    """One kind of line.

    Attributes:
        event: the word that it is found by.
        level: as `logging` numbers them.
        words: what a person reads, with the fields in braces.
        more: fields that stand in the line besides those of the words.
        parts: whose logs have it.
        meaning: what has happened.
    """

    event: str
    level: int
    words: str
    more: tuple[str, ...]
    parts: frozenset[Part]
    meaning: str

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that such a line has."""
        of_words = (name for _, name, _, _ in Formatter().parse(self.words) if name)
        return tuple(dict.fromkeys((*of_words, *self.more)))


_SERVICE: Final[frozenset[Part]] = frozenset({"service"})
_WORKER: Final[frozenset[Part]] = frozenset({"worker"})
_CLOUD: Final = _SERVICE | _WORKER

UPLOAD_OPENED: Final = LogEvent(
    "upload.opened",
    logging.INFO,
    "upload {upload_id} is open, for {size_bytes} bytes in {parts} parts",
    ("room_id", "job_id"),
    _SERVICE,
    "Somebody begins to send a dataset.",
)
UPLOAD_COMPLETED: Final = LogEvent(
    "upload.completed",
    logging.INFO,
    "upload {upload_id} is complete, {size_bytes} bytes {seconds:.1f} s after it was opened",
    ("room_id", "job_id"),
    _SERVICE,
    "A dataset is in the store, whole.",
)
UPLOAD_DAMAGED: Final = LogEvent(
    "upload.damaged",
    logging.WARNING,
    "upload {upload_id} is not what was announced: {reason}",
    ("room_id",),
    _SERVICE,
    "Parts do not make up the file that was announced; nothing was kept.",
)
UPLOAD_ABORTED: Final = LogEvent(
    "upload.aborted",
    logging.INFO,
    "upload {upload_id} was given up",
    ("room_id", "size_bytes"),
    _SERVICE,
    "Somebody gave an upload up; its parts are freed.",
)
DOWNLOAD_OFFERED: Final = LogEvent(
    "download.offered",
    logging.INFO,
    "{content} {subject} may be downloaded, {size_bytes} bytes",
    ("room_id",),
    _SERVICE,
    "URLs for a dataset or a model were given out to somebody without credentials.",
)
JOB_QUEUED: Final = LogEvent(
    "job.queued",
    logging.INFO,
    "job {job_id} is queued ({cause})",
    ("room_id",),
    _SERVICE,
    "A job is made and its message sent.",
)
JOB_STEP: Final = LogEvent(
    "job.step",
    logging.INFO,
    "job {job_id}: {state}, attempt {attempt}",
    ("room_id", "worker_id"),
    _WORKER,
    "A worker has come to the next step of a job.",
)
JOB_FAILED: Final = LogEvent(
    "job.failed",
    logging.ERROR,
    "job {job_id}: failed ({code}): {reason}",
    ("room_id", "attempt"),
    _WORKER,
    "A job ended without a model; the code is one of the reference of exit codes.",
)
JOB_LOST: Final = LogEvent(
    "job.lost",
    logging.WARNING,
    "job {job_id}: its worker {worker_id} is lost",
    ("room_id", "attempt"),
    _SERVICE,
    "A worker fell silent; its job is queued again, or given up after too many.",
)
TRANSFER_DONE: Final = LogEvent(
    "transfer.done",
    logging.INFO,
    "job {job_id}: {direction} of {content} done, {size_bytes} bytes in {seconds:.1f} s",
    ("room_id",),
    _WORKER,
    "A dataset was brought, or a model or predictions sent.",
)
TRANSFER_FAILED: Final = LogEvent(
    "transfer.failed",
    logging.WARNING,
    "job {job_id}: {direction} of {content} failed after {seconds:.1f} s: {reason}",
    ("room_id", "size_bytes"),
    _WORKER,
    "A transfer came to nothing; what becomes of the job says another line.",
)
MODEL_PUBLISHED: Final = LogEvent(
    "model.published",
    logging.INFO,
    "model {model_id} ({model_type}) is published, {size_bytes} bytes",
    ("room_id", "job_id", "cause"),
    _SERVICE,
    "A model stands in its room's manifest.",
)
MODEL_REFUSED: Final = LogEvent(
    "model.refused",
    logging.WARNING,
    "model {model_id} is refused: {reason}",
    ("room_id", "cause"),
    _SERVICE,
    "A model's record is there and cannot be published.",
)
SWEEP_MENDED: Final = LogEvent(
    "sweep.mended",
    logging.WARNING,
    "the sweep mended {what} {subject} in room {room_id}: an event was lost",
    (),
    _SERVICE,
    "What an event of S3 or SQS should have brought about was done by the sweep: job, message or model.",
)
MESSAGE_RETRIED: Final = LogEvent(
    "message.retried",
    logging.INFO,
    "queue {queue}: again in {delay_s:.0f} s ({trouble}): {reason}",
    (),
    _CLOUD,
    "A message comes back after a while.",
)
MESSAGE_BURIED: Final = LogEvent(
    "message.buried",
    logging.ERROR,
    "queue {queue}: poison message {message_id} ({code}): {reason}",
    (),
    _CLOUD,
    "A message is in the dead letters; `sleap-rtc events dlq` shows it.",
)
WORKER_READY: Final = LogEvent(
    "worker.ready",
    logging.INFO,
    "waiting for jobs of room {room_id}",
    ("worker_id",),
    _WORKER,
    "A worker takes jobs.",
)
COLLECTOR_AWAY: Final = LogEvent(
    "collector.away",
    logging.WARNING,
    "{reason}",
    (),
    _CLOUD,
    "The OpenTelemetry collector does not take what is sent; said once in the life of a process.",
)

LOG_EVENTS: Final = (
    UPLOAD_OPENED,
    UPLOAD_COMPLETED,
    UPLOAD_DAMAGED,
    UPLOAD_ABORTED,
    DOWNLOAD_OFFERED,
    JOB_QUEUED,
    JOB_STEP,
    JOB_FAILED,
    JOB_LOST,
    TRANSFER_DONE,
    TRANSFER_FAILED,
    MODEL_PUBLISHED,
    MODEL_REFUSED,
    SWEEP_MENDED,
    MESSAGE_RETRIED,
    MESSAGE_BURIED,
    WORKER_READY,
    COLLECTOR_AWAY,
)
"""All of them, in the order of the reference."""
