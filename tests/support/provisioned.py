"""Buckets, queues and topic in one form, whether the Terraform or an engine says what there is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from support.hcl import Module

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from types_boto3_s3 import S3Client
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

    from sleap_rtc.settings import Settings

Described = dict[str, Any]
SQS_DEFAULTS = {"visibility_timeout_seconds": 30, "delay_seconds": 0, "receive_wait_time_seconds": 0}
"""What a queue has that nobody asked for anything else (SQS API Reference, CreateQueue)."""


def in_terraform(modules: Path, inputs: Mapping[str, Any]) -> Described:
    """Return what the modules storage and eventing describe."""
    storage, eventing = Module(modules / "storage", inputs), Module(modules / "eventing", inputs)
    names = {"uploads": inputs["uploads_bucket"], "rooms": inputs["rooms_bucket"]}
    queues = eventing.resources("aws_sqs_queue")
    return {
        "buckets": {
            names[label]: {
                "versioning": storage.resource("aws_s3_bucket_versioning", label)["versioning_configuration"],
                "lifecycle": _rules(storage, label),
                "cors": _cors(storage, label),
                "notices": [
                    notice
                    for found in eventing.resources("aws_s3_bucket_notification").values()
                    if found["bucket"] == names[label]
                    for notice in _notices(found)
                ],
            }
            for label in names
        },
        "queues": {
            queue["name"]: _queue(
                queue, eventing.resources("aws_sqs_queue_policy").get(("aws_sqs_queue_policy", label))
            )
            for (_, label), queue in queues.items()
        },
        "topics": [topic["name"] for topic in eventing.resources("aws_sns_topic").values()],
    }


def _rules(storage: Module, label: str) -> list[Described]:
    found = []
    for rule in storage.resource("aws_s3_bucket_lifecycle_configuration", label)["rule"]:
        expiration, noncurrent, abort = (
            rule.get(part, [{}])[0]
            for part in ("expiration", "noncurrent_version_expiration", "abort_incomplete_multipart_upload")
        )
        found.append(
            {
                "id": rule["id"],
                "status": rule["status"],
                "prefix": rule["filter"][0].get("prefix", ""),
                "days": expiration.get("days"),
                "delete_markers": expiration.get("expired_object_delete_marker", False),
                "noncurrent_days": noncurrent.get("noncurrent_days"),
                "abort_days": abort.get("days_after_initiation"),
            }
        )
    return sorted(found, key=lambda rule: str(rule["id"]))


def _cors(storage: Module, label: str) -> list[Described]:
    return [
        {
            "origins": sorted(rule["allowed_origins"]),
            "methods": sorted(rule["allowed_methods"]),
            "headers": sorted(rule["allowed_headers"]),
            "exposed": sorted(rule["expose_headers"]),
            "max_age_s": rule["max_age_seconds"],
        }
        for (_, name), found in storage.resources("aws_s3_bucket_cors_configuration").items()
        if name == label
        for rule in found["cors_rule"]
    ]


def _notices(notification: Mapping[str, Any]) -> list[Described]:
    return [
        {
            "id": queue["id"],
            "queue": queue["queue_arn"],
            "events": sorted(queue["events"]),
            "prefix": queue.get("filter_prefix", ""),
            "suffix": queue.get("filter_suffix", ""),
        }
        for queue in notification.get("queue", [])
    ]


def _queue(queue: Mapping[str, Any], policy: Mapping[str, Any] | None) -> Described:
    queue = {**SQS_DEFAULTS, **queue}
    return {
        "visibility_s": queue["visibility_timeout_seconds"],
        "retention_s": queue["message_retention_seconds"],
        "largest_bytes": queue["max_message_size"],
        "delay_s": queue["delay_seconds"],
        "wait_s": queue["receive_wait_time_seconds"],
        "sse_sqs": queue["sqs_managed_sse_enabled"],
        "redrive": json.loads(queue.get("redrive_policy", "null")),
        "senders": _senders(policy["policy"] if policy else ""),
    }


def _senders(policy: str) -> list[Described]:
    """Return who may do what. What is denied stays out: engines on this machine have no TLS to insist on."""
    statements = json.loads(policy)["Statement"] if policy else []
    return [
        {name: value for name, value in statement.items() if name != "Sid"}
        for statement in statements
        if statement["Effect"] == "Allow"
    ]


def in_store(s3: S3Client, bucket: str) -> Described:
    """Return what a bucket of an engine is like."""
    return {
        "versioning": [{"status": s3.get_bucket_versioning(Bucket=bucket).get("Status", "")}],
        "lifecycle": sorted(
            (
                {
                    "id": rule["ID"],
                    "status": rule["Status"],
                    "prefix": rule.get("Filter", {}).get("Prefix", rule.get("Prefix", "")),
                    "days": rule.get("Expiration", {}).get("Days"),
                    "delete_markers": rule.get("Expiration", {}).get("ExpiredObjectDeleteMarker", False),
                    "noncurrent_days": rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"),
                    "abort_days": rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
                }
                for rule in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
            ),
            key=lambda rule: str(rule["id"]),
        ),
        "cors": [
            {
                "origins": sorted(rule["AllowedOrigins"]),
                "methods": sorted(rule["AllowedMethods"]),
                "headers": sorted(rule["AllowedHeaders"]),
                "exposed": sorted(rule["ExposeHeaders"]),
                "max_age_s": rule["MaxAgeSeconds"],
            }
            for rule in _cors_rules(s3, bucket)
        ],
    }


def _cors_rules(s3: S3Client, bucket: str) -> list[Any]:
    try:
        return list(s3.get_bucket_cors(Bucket=bucket)["CORSRules"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchCORSConfiguration":
            raise
        return []


def in_engine(settings: Settings, s3: S3Client, sqs: SQSClient, sns: SNSClient) -> Described:
    """Return what there is in an engine of what these settings name."""
    queues = (settings.upload_events_queue, settings.model_events_queue)
    topics = (topic["TopicArn"].rpartition(":")[2] for topic in sns.list_topics()["Topics"])
    return {
        "buckets": {
            bucket: {**in_store(s3, bucket), "notices": _notices_of(s3, bucket)}
            for bucket in (settings.s3_upload_bucket, settings.s3_room_bucket)
        },
        "queues": {name: _queue_of(sqs, name) for queue in queues for name in (queue, f"{queue}-dlq")},
        "topics": [topic for topic in topics if topic == settings.room_events_topic],
    }


def _notices_of(s3: S3Client, bucket: str) -> list[Described]:
    found = []
    for notice in s3.get_bucket_notification_configuration(Bucket=bucket).get("QueueConfigurations", []):
        rules = notice.get("Filter", {}).get("Key", {}).get("FilterRules", [])
        filters = {rule["Name"].lower(): rule["Value"] for rule in rules}
        found.append(
            {
                "id": notice["Id"],
                "queue": notice["QueueArn"],
                "events": sorted(notice["Events"]),
                "prefix": filters.get("prefix", ""),
                "suffix": filters.get("suffix", ""),
            }
        )
    return found


def _queue_of(sqs: SQSClient, name: str) -> Described:
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    has = {str(name): value for name, value in found.items()}
    return {
        "visibility_s": int(has["VisibilityTimeout"]),
        "retention_s": int(has["MessageRetentionPeriod"]),
        "largest_bytes": int(has["MaximumMessageSize"]),
        "delay_s": int(has["DelaySeconds"]),
        "wait_s": int(has["ReceiveMessageWaitTimeSeconds"]),
        "sse_sqs": has.get("SqsManagedSseEnabled") == "true",
        "redrive": json.loads(has.get("RedrivePolicy", "null")),
        "senders": _senders(has.get("Policy", "")),
    }
