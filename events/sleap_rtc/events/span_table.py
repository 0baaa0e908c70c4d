"""Pure: the one table of every span and of what may stand in it. Code and reference are tested against it.

Names of attributes are those of OpenTelemetry's semantic conventions 1.44 where they have one; the others
begin with `sleap_rtc.`. No value is a URL, a secret or a path on somebody's machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sleap_rtc.events.spans import SpanKind

if TYPE_CHECKING:
    from sleap_rtc.events.spans import Part, Span

ATTRIBUTES: Final = {
    "sleap_rtc.room.id": "the room",
    "sleap_rtc.job.id": "the job",
    "sleap_rtc.upload.id": "the upload",
    "sleap_rtc.worker.id": "the worker",
    "sleap_rtc.attempt": "which attempt at the job it is, from 1",
    "sleap_rtc.cause": "what caused it: an S3 notice, or a note of whoever did it",
    "sleap_rtc.content": "dataset, model or predictions",
    "sleap_rtc.size": "bytes",
    "sleap_rtc.resumed": "bytes of it that an earlier run had brought over",
    "sleap_rtc.parts": "parts of a multipart upload",
    "sleap_rtc.model.id": "the model",
    "sleap_rtc.model.type": "its kind, such as centroid",
    "sleap_rtc.model.turn": "which of the job's models it is, from 1",
    "sleap_rtc.trainer": "the engine",
    "sleap_rtc.epochs": "epochs that were trained",
    "sleap_rtc.state": "the step of the job that the room was told of, or that an attempt ended with",
    "messaging.system": "`aws_sqs`, or `aws.sns` for what the room is told",
    "messaging.operation.name": "`send` or `process`",
    "messaging.operation.type": "the same",
    "messaging.destination.name": "the queue's role: `upload-events`, `jobs`, `model-events`, `room-events`",
    "messaging.message.id": "SQS's id of the message",
    "aws.s3.bucket": "the bucket",
    "aws.s3.key": "the key, which the service made",
    "http.request.method": "the method",
    "http.route": "the route, with names of fields in it and no ids",
    "http.response.status_code": "the status",
    "error.type": "the kind of error, if it ended with one",
}

_WHOSE = ("sleap_rtc.room.id", "sleap_rtc.job.id")
_HTTP = ("http.request.method", "http.route", "http.response.status_code")
_MESSAGE = (
    "messaging.system",
    "messaging.operation.name",
    "messaging.operation.type",
    "messaging.destination.name",
)
_BYTES = ("sleap_rtc.content", "sleap_rtc.size")
_S3 = ("aws.s3.bucket", "aws.s3.key")
_MODEL = ("sleap_rtc.model.id", "sleap_rtc.model.type")


@dataclass(frozen=True)
class SpanName:
    """One kind of span; every one may have `error.type` and the ids of its room and job.

    Attributes:
        name: as it stands in the span; of a request it is followed by method and route instead.
        kind: what it is to others.
        parts: who takes the step.
        follows: what it is a part of, or what it links to, in words.
        meaning: what is done in it.
        attributes: what else may stand in it.
    """

    name: str
    kind: SpanKind
    parts: frozenset[Part]
    follows: str
    meaning: str
    attributes: tuple[str, ...] = ()

    @property
    def allowed(self) -> frozenset[str]:
        """Every attribute that it may have."""
        return frozenset((*_WHOSE, "error.type", *self.attributes))


_CLIENT: Final[frozenset[Part]] = frozenset({"client"})
_SERVICE: Final[frozenset[Part]] = frozenset({"service"})
_WORKER: Final[frozenset[Part]] = frozenset({"worker"})

TRAIN_COMMAND: Final = SpanName(
    "client-train", SpanKind.INTERNAL, _CLIENT, "nothing: it begins the trace", "the whole command"
)
TRACK_COMMAND: Final = SpanName(
    "client-track", SpanKind.INTERNAL, _CLIENT, "nothing: it begins the trace", "the whole command"
)
UPLOAD_DATASET: Final = SpanName(
    "upload dataset",
    SpanKind.CLIENT,
    _CLIENT,
    "child of the command; links to the first run's trace when it goes on with that",
    "the file is read and sent in parts, until the service has completed the upload",
    (*_BYTES, "sleap_rtc.upload.id", "sleap_rtc.resumed", "sleap_rtc.parts"),
)
REQUEST: Final = SpanName(
    "{method} {route}",
    SpanKind.CLIENT,
    frozenset({"client", "worker"}),
    "child of what needs the answer",
    "a request to the service, with its repetitions; those that only look or ask for URLs of parts have none",
    _HTTP,
)
ANSWER: Final = SpanName(
    "{method} {route}",
    SpanKind.SERVER,
    _SERVICE,
    "child of the request, by its header `traceparent`",
    "the service answers",
    (*_HTTP, "sleap_rtc.upload.id"),
)
PROCESS_UPLOAD: Final = SpanName(
    "process upload-events",
    SpanKind.CONSUMER,
    _SERVICE,
    "links to the upload",
    "a notice of S3, or the sweep in its place, makes the job; a notice that finds it made has no span",
    (*_MESSAGE, "sleap_rtc.cause", "sleap_rtc.upload.id", *_S3),
)
DISPATCH: Final = SpanName(
    "dispatch",
    SpanKind.INTERNAL,
    _SERVICE,
    "child of the answer that completed the upload or took the job; links to the upload",
    "the same, done at once by the instance that completed the upload",
    ("sleap_rtc.cause", "sleap_rtc.upload.id", *_S3),
)
SEND_JOB: Final = SpanName(
    "send jobs",
    SpanKind.PRODUCER,
    _SERVICE,
    "child of the dispatch",
    "the job's message is put on the room's queue",
    _MESSAGE,
)
PROCESS_JOB: Final = SpanName(
    "process jobs",
    SpanKind.CONSUMER,
    _WORKER,
    "links to the send",
    "one attempt of a worker at the job",
    (*_MESSAGE, "messaging.message.id", "sleap_rtc.worker.id", "sleap_rtc.attempt", "sleap_rtc.state"),
)
DOWNLOAD_DATASET: Final = SpanName(
    "download dataset",
    SpanKind.CLIENT,
    _WORKER,
    "child of the attempt",
    "the dataset is brought in ranges or found in the cache, verified and unpacked",
    (*_BYTES, *_S3),
)
TRAIN: Final = SpanName(
    "train",
    SpanKind.INTERNAL,
    _WORKER,
    "child of the attempt",
    "one model is trained",
    ("sleap_rtc.model.type", "sleap_rtc.model.turn", "sleap_rtc.trainer", "sleap_rtc.epochs"),
)
PREDICT: Final = SpanName(
    "predict", SpanKind.INTERNAL, _WORKER, "child of the attempt", "an inference", ("sleap_rtc.trainer",)
)
UPLOAD_MODEL: Final = SpanName(
    "upload model",
    SpanKind.CLIENT,
    _WORKER,
    "child of the attempt",
    "the model's files are sent, its record last",
    (*_BYTES, *_MODEL, "sleap_rtc.model.turn"),
)
UPLOAD_PREDICTIONS: Final = SpanName(
    "upload predictions",
    SpanKind.CLIENT,
    _WORKER,
    "child of the attempt",
    "the predictions are sent and reported",
    _BYTES,
)
PROCESS_MODEL: Final = SpanName(
    "process model-events",
    SpanKind.CONSUMER,
    _SERVICE,
    "links to the upload of the model",
    "a notice of S3, or the sweep in its place, publishes the model; one that finds it published has no span",
    (*_MESSAGE, *_MODEL, *_S3, "sleap_rtc.cause"),
)
NOTIFY: Final = SpanName(
    "send room-events",
    SpanKind.PRODUCER,
    frozenset({"service", "worker"}),
    "child of the publication, or of the attempt that ended the job",
    "the room is told how the job ended, or of a model: first in its feed, then on the topic",
    (*_MESSAGE, "sleap_rtc.state"),
)
NOTIFIED: Final = SpanName(
    "process room-events",
    SpanKind.CONSUMER,
    _CLIENT,
    "child of the command; links to what told the room",
    "the client hears how the job ended",
    (*_MESSAGE, "sleap_rtc.state"),
)
PULL_MODEL: Final = SpanName(
    "pull model",
    SpanKind.CLIENT,
    _CLIENT,
    "child of the command",
    "a model is brought to this machine, verified and registered",
    (*_BYTES, *_MODEL),
)

SPANS: Final = (
    TRAIN_COMMAND,
    TRACK_COMMAND,
    UPLOAD_DATASET,
    REQUEST,
    ANSWER,
    PROCESS_UPLOAD,
    DISPATCH,
    SEND_JOB,
    PROCESS_JOB,
    DOWNLOAD_DATASET,
    TRAIN,
    PREDICT,
    UPLOAD_MODEL,
    UPLOAD_PREDICTIONS,
    PROCESS_MODEL,
    NOTIFY,
    NOTIFIED,
    PULL_MODEL,
)
"""All of them, in the order in which a job goes through them."""


def messaging(system: str, operation: str, queue: str) -> dict[str, str]:
    """Return the attributes of a message's sending or processing."""
    return {
        "messaging.system": system,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": queue,
    }


def job_of(span: Span) -> tuple[str, str] | None:
    """Return the room and the job that a span is of, if it says so."""
    room_id, job_id = span.text("sleap_rtc.room.id"), span.text("sleap_rtc.job.id")
    return (room_id, job_id) if room_id and job_id else None


def of_job(room_id: str, job_id: str) -> dict[str, str]:
    """Return the attributes that say which job a span is of."""
    return {"sleap_rtc.room.id": room_id, "sleap_rtc.job.id": job_id}
