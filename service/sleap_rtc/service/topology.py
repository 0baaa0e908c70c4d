"""Pure: which buckets, queues and topics there are, and how they are joined.

The one description of it: what the local stack creates, and what production has to have.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sleap_rtc.storage.keys import MODEL_MARKER, QUOTAS_PREFIX, RECEIPTS_PREFIX, UPLOADS_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

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
"""S3 counts from the begin of the upload. A dataset takes jobs for 12 days, one waits for 4 in its queue, and
the longest training takes 14."""
FORGET_REPLACED_AFTER_DAYS = 7
LOCAL_ORIGINS = ("http://localhost:*", "http://127.0.0.1:*")
"""Where a web page comes from that somebody writes on his own machine. Production has its own."""
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
        "SqsManagedSseEnabled": "true",
    }


def may_send(service: Literal["s3", "sns"], source_arn: str, queue_arn: str) -> str:
    """Return the queue policy that lets one bucket or topic put messages on a queue, and nothing else.

    A topic's ARN says whose it is. A bucket's does not, so its account is asked for, too: the queue's own.
    """
    condition: dict[str, dict[str, str]] = {"ArnEquals": {"aws:SourceArn": source_arn}}
    if service == "s3":
        condition["StringEquals"] = {"aws:SourceAccount": queue_arn.split(":")[4]}
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": f"{service}.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": queue_arn,
                    "Condition": condition,
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


def uploads_cors(origins: Sequence[str]) -> dict[str, Any]:
    """Return what web pages of these origins may do with the uploads bucket: use presigned URLs."""
    return {
        "CORSRules": [
            {
                "ID": "web-uploads",
                "AllowedOrigins": list(origins),
                "AllowedMethods": ["GET", "PUT"],
                "AllowedHeaders": ["content-type", "if-match", "range", "x-amz-checksum-crc64nvme"],
                "ExposeHeaders": ["content-range", "etag", "x-amz-checksum-crc64nvme", "x-amz-request-id"],
                "MaxAgeSeconds": 3600,
            }
        ]
    }


def uploads_lifecycle() -> dict[str, Any]:
    """Return the rules of the uploads bucket: datasets go after a month, unfinished uploads after a week."""
    return {
        "Rules": [
            _expire("expire-datasets", UPLOADS_PREFIX, EXPIRE_DATASETS_AFTER_DAYS),
            _remove_delete_markers(),
            _abort_unfinished(),
        ]
    }


def rooms_lifecycle() -> dict[str, Any]:
    """Return the rules of the rooms bucket: nothing expires but what was never finished, what was replaced or
    deleted, and what tells of requests that nobody repeats any more."""
    return {
        "Rules": [
            _abort_unfinished(),
            _expire("expire-receipts", RECEIPTS_PREFIX, ABORT_UPLOADS_AFTER_DAYS),
            # As long as what they stand for.
            _expire("expire-quota-marks", QUOTAS_PREFIX, ABORT_UPLOADS_AFTER_DAYS),
            # Checkpoints are replaced every minute: kept for ever, they would be most of what a month costs.
            {
                "ID": "expire-replaced",
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "NoncurrentVersionExpiration": {"NoncurrentDays": FORGET_REPLACED_AFTER_DAYS},
            },
            _remove_delete_markers(),
        ]
    }


def _expire(name: str, prefix: str, days: int) -> dict[str, Any]:
    """An expired object of a versioned bucket becomes an older version; its bytes go when that expires."""
    return {
        "ID": name,
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "Expiration": {"Days": days},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
    }


def _remove_delete_markers() -> dict[str, Any]:
    """S3 takes no days beside it, so it is a rule of its own."""
    return {
        "ID": "remove-delete-markers",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Expiration": {"ExpiredObjectDeleteMarker": True},
    }


def _abort_unfinished() -> dict[str, Any]:
    return {
        "ID": "abort-incomplete-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABORT_UPLOADS_AFTER_DAYS},
    }
