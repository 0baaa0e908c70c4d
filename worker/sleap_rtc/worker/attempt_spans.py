"""Adapter: the stages of an attempt as children of its span."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.span_table import (
    DOWNLOAD_DATASET,
    PREDICT,
    PROCESS_JOB,
    TRAIN,
    UPLOAD_MODEL,
    UPLOAD_PREDICTIONS,
    messaging,
    of_job,
)
from sleap_rtc.events.spans import Link
from sleap_rtc.events.trace import trace_id
from sleap_rtc.events.tracing import begun, child, note

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sleap_rtc.events.jobs import DatasetRef, Job
    from sleap_rtc.events.messages import JobMessage
    from sleap_rtc.events.spans import SpanHook, Value
    from sleap_rtc.events.tracing import OpenSpan
    from sleap_rtc.storage.manifest import ModelRecord, ModelTurn

    Stage = AbstractContextManager[OpenSpan | None]


def attempt(
    job: Job, message: JobMessage, message_id: str, worker_id: str, hook: SpanHook
) -> AbstractContextManager[OpenSpan]:
    """Begin an attempt at a claimed job, in the trace of the job whatever its message says."""
    sent = Link.of(message.traceparent)
    led = message.traceparent if sent and sent.trace_id == trace_id(job.traceparent) else job.traceparent
    attributes: dict[str, Value] = {
        **of_job(job.room_id, job.job_id),
        **messaging("aws_sqs", "process", "jobs"),
        "messaging.message.id": message_id,
        "sleap_rtc.worker.id": worker_id,
        "sleap_rtc.attempt": job.attempt,
    }
    return begun(PROCESS_JOB, "worker", hook, attributes, links=(led,))


def downloading(dataset: DatasetRef) -> Stage:
    """Begin the download of the dataset."""
    attributes: dict[str, Value] = {"sleap_rtc.content": "dataset", "sleap_rtc.size": dataset.size_bytes}
    if dataset.type == "s3":
        bucket, _, key = dataset.path.removeprefix("s3://").partition("/")
        attributes |= {"aws.s3.bucket": bucket, "aws.s3.key": key}
    return child(DOWNLOAD_DATASET, attributes)


def training(model_type: str, turn: ModelTurn, trainer: str) -> Stage:
    """Begin the training of a model."""
    attributes: dict[str, Value] = {
        "sleap_rtc.model.type": model_type,
        "sleap_rtc.model.turn": turn.index + 1,
        "sleap_rtc.trainer": trainer,
    }
    return child(TRAIN, attributes)


def predicting(trainer: str) -> Stage:
    """Begin an inference."""
    return child(PREDICT, {"sleap_rtc.trainer": trainer})


def sending_model(turn: ModelTurn) -> Stage:
    """Begin the sending of a model."""
    return child(UPLOAD_MODEL, {"sleap_rtc.content": "model", "sleap_rtc.model.turn": turn.index + 1})


def trained(epochs: int) -> None:
    """Say how long the training was."""
    note({"sleap_rtc.epochs": epochs})


def described(record: ModelRecord) -> None:
    """Say which model is sent."""
    note(
        {
            "sleap_rtc.model.id": record.model_id,
            "sleap_rtc.model.type": record.model_type,
            "sleap_rtc.size": record.size_bytes,
        }
    )


def sending_predictions(size_bytes: int) -> Stage:
    """Begin the sending of predictions."""
    return child(UPLOAD_PREDICTIONS, {"sleap_rtc.content": "predictions", "sleap_rtc.size": size_bytes})
