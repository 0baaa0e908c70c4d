"""Pure: which buckets, queues and topics there are, and how they are joined.

The one description of it: what the local stack creates, and what production has to have.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sleap_rtc.storage.keys import MODEL_MARKER, QUOTAS_PREFIX, RECEIPTS_PREFIX, UPLOADS_PREFIX

if TYPE_CHECKING:
    from types_boto3_sqs.literals import QueueAttributeNameType

    from sleap_rtc.settings import Settings

DEAD_LETTER_SUFFIX = "-dlq"
MESSAGE_RETENTION_S = 4 * 86_400
DEAD_LETTER_RETENTION_S = 14 * 86_400
REDRIVE_AFTER = 1000
"""SQS's own redrive after so many receives is the last resort, at the largest value that SQS takes: receives
also count shutdowns and waits, and the consumer buries poison itself, with the reason."""
LARGEST_MESSAGE_BYTES = 262_144
LARGEST_LETTER_BYTES = 1_048_576
"""A letter is a message and what is known about it, so its queue takes more: SQS's largest since August 2025
(SQS API Reference, SetQueueAttributes, MaximumMessageSize)."""
ABORT_UPLOADS_AFTER_DAYS = 7
EXPIRE_DATASETS_AFTER_DAYS = 30
CREATED = ("s3:ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload")


@dataclass(frozen=True)
class QueueSpec:
    """One queue; its dead-letter queue has its name with `-dlq`."""

    name: str
    visibility_s: int


@dataclass(frozen=True)
class NoticeSpec:
    """Which objects of a bucket are announced on which queue."""

    bucket: str
    queue: str
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True)
class Topology:
    """Everything that has to exist before the service starts."""

    buckets: tuple[str, ...]
    queues: tuple[QueueSpec, ...]
    notices: tuple[NoticeSpec, ...]
    topic: str


def topology(settings: Settings) -> Topology:
    """Return what these settings ask for."""
    return Topology(
        buckets=(settings.s3_upload_bucket, settings.s3_room_bucket),
        queues=(
            QueueSpec(settings.upload_events_queue, settings.event_visibility_s),
            QueueSpec(settings.model_events_queue, settings.event_visibility_s),
        ),
        notices=(
            NoticeSpec(settings.s3_upload_bucket, settings.upload_events_queue, prefix=UPLOADS_PREFIX),
            NoticeSpec(settings.s3_room_bucket, settings.model_events_queue, suffix=MODEL_MARKER),
        ),
        topic=settings.room_events_topic,
    )


def job_queue(settings: Settings, room_id: str) -> QueueSpec:
    """Return the queue that wakes a room's workers."""
    return QueueSpec(f"{settings.job_queue_prefix}-{room_id}", settings.job_lease_s)


def queue_attributes(spec: QueueSpec, dead_letters_arn: str) -> dict[QueueAttributeNameType, str]:
    """Return the attributes of a queue in SQS's terms."""
    return {
        "VisibilityTimeout": str(spec.visibility_s),
        "MaximumMessageSize": str(LARGEST_MESSAGE_BYTES),
        "MessageRetentionPeriod": str(MESSAGE_RETENTION_S),
        "SqsManagedSseEnabled": "true",
        "RedrivePolicy": json.dumps(
            {"deadLetterTargetArn": dead_letters_arn, "maxReceiveCount": REDRIVE_AFTER}
        ),
    }


def dead_letter_attributes() -> dict[QueueAttributeNameType, str]:
    """Return the attributes of a dead-letter queue in SQS's terms."""
    return {
        "MessageRetentionPeriod": str(DEAD_LETTER_RETENTION_S),
        "MaximumMessageSize": str(LARGEST_LETTER_BYTES),
    }


def may_send(service: Literal["s3", "sns"], source_arn: str, queue_arn: str) -> str:
    """Return the queue policy that lets one bucket or topic put messages on a queue, and nothing else."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": f"{service}.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": queue_arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
                }
            ],
        }
    )


def notification(spec: NoticeSpec, queue_arn: str) -> dict[str, Any]:
    """Return a bucket's notification configuration in S3's terms."""
    rules = [
        {"Name": name, "Value": value}
        for name, value in (("prefix", spec.prefix), ("suffix", spec.suffix))
        if value
    ]
    return {
        "QueueConfigurations": [
            {
                "Id": spec.queue,
                "QueueArn": queue_arn,
                "Events": list(CREATED),
                "Filter": {"Key": {"FilterRules": rules}},
            }
        ]
    }


def uploads_lifecycle() -> dict[str, Any]:
    """Return the rules of the uploads bucket: datasets go after a month, unfinished uploads after a week."""
    return {
        "Rules": [
            {
                "ID": "expire-datasets",
                "Status": "Enabled",
                "Filter": {"Prefix": UPLOADS_PREFIX},
                "Expiration": {"Days": EXPIRE_DATASETS_AFTER_DAYS},
                "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
            },
            _abort_unfinished(UPLOADS_PREFIX),
        ]
    }


def rooms_lifecycle() -> dict[str, Any]:
    """Return the rules of the rooms bucket: nothing expires but what was never finished, and what tells of
    requests that nobody repeats any more."""
    return {
        "Rules": [
            _abort_unfinished(""),
            _expire("expire-receipts", RECEIPTS_PREFIX),
            # As long as what they stand for.
            _expire("expire-quota-marks", QUOTAS_PREFIX),
        ]
    }


def _expire(name: str, prefix: str) -> dict[str, Any]:
    return {
        "ID": name,
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "Expiration": {"Days": ABORT_UPLOADS_AFTER_DAYS},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
    }


def _abort_unfinished(prefix: str) -> dict[str, Any]:
    return {
        "ID": "abort-incomplete-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABORT_UPLOADS_AFTER_DAYS},
    }
