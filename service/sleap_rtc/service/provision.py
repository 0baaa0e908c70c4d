"""Adapter: makes what `topology` describes exist, in any store that speaks S3, SQS and SNS.

Everything here may be done again: what exists is left as it is. Production is provisioned by Terraform; the
service itself only ever makes the job queue of a new room.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sleap_rtc.events.sns_topic import room_spoken_of
from sleap_rtc.service.topology import (
    DEAD_LETTER_SUFFIX,
    LOCAL_ORIGINS,
    QueueSpec,
    dead_letter_attributes,
    job_queue,
    may_send,
    notification,
    queue_attributes,
    rooms_lifecycle,
    topology,
    uploads_cors,
    uploads_lifecycle,
)
from sleap_rtc.storage import keys
from sleap_rtc.storage.call_events import tell_calls
from sleap_rtc.storage.errors import Unreachable
from sleap_rtc.storage.s3_client import error_code, s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore
from sleap_rtc.storage.traffic import unheard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3 import S3Client
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.literals import QueueAttributeNameType

    from sleap_rtc.settings import Settings
    from sleap_rtc.storage.traffic import TrafficHook

_CONFIG = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=30)


def sqs_client(settings: Settings, on_traffic: TrafficHook = unheard) -> SQSClient:
    """Return an SQS client for these settings, whose requests are told."""
    client = boto3.client(
        "sqs", region_name=settings.s3_region, endpoint_url=settings.sqs_endpoint_url, config=_CONFIG
    )
    tell_calls(client, "sqs", on_traffic)
    return client


def sns_client(settings: Settings, on_traffic: TrafficHook = unheard) -> SNSClient:
    """Return an SNS client for these settings, whose requests are told."""
    client = boto3.client(
        "sns", region_name=settings.s3_region, endpoint_url=settings.sqs_endpoint_url, config=_CONFIG
    )
    tell_calls(client, "sns", on_traffic, room_spoken_of)
    return client


@contextmanager
def aws_errors(where: str) -> Iterator[None]:
    """Turn what boto3 says of a service that does not answer into our words."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise Unreachable(where=where, why=str(error)) from error


def ensure_queue(sqs: SQSClient, spec: QueueSpec) -> tuple[str, str]:
    """Make a queue and its dead-letter queue; return (URL, ARN)."""
    dead = _queue_with(sqs, spec.name + DEAD_LETTER_SUFFIX, dead_letter_attributes())
    url = _queue_with(sqs, spec.name, queue_attributes(spec, _arn(sqs, dead)))
    return url, _arn(sqs, url)


def _queue_with(sqs: SQSClient, name: str, attributes: dict[QueueAttributeNameType, str]) -> str:
    try:
        return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    except ClientError:
        # It exists with other attributes, such as another lease: the newest settings hold.
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
        return url


def _arn(sqs: SQSClient, url: str) -> str:
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def drop_job_queue(settings: Settings, room_id: str) -> None:
    """Remove the job queue of a room and its dead letters; what is not there is as good."""
    sqs, name = sqs_client(settings), job_queue(settings, room_id).name
    with aws_errors("The queue service"):
        for each in (name, name + DEAD_LETTER_SUFFIX):
            with suppress(sqs.exceptions.QueueDoesNotExist):
                sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=each)["QueueUrl"])


def ensure_topic(sns: SNSClient, name: str) -> str:
    """Make the topic of room notifications; return its ARN."""
    return sns.create_topic(Name=name)["TopicArn"]


def provision(settings: Settings) -> None:
    """Make everything that the service needs.

    Raises:
        Unreachable: the store or the queue service does not answer.
    """
    wanted = topology(settings)
    s3 = s3_client(settings.s3_region, settings.s3_endpoint_url)
    sqs = sqs_client(settings)
    with aws_errors("The queue service"):
        arns = {spec.name: ensure_queue(sqs, spec) for spec in wanted.queues}
        ensure_topic(sns_client(settings), wanted.topic)
    with aws_errors("The object store"):
        for bucket in wanted.buckets:
            _ensure_bucket(s3, bucket, settings.s3_region)
        for bucket, rules in (
            (settings.s3_upload_bucket, uploads_lifecycle()),
            (settings.s3_room_bucket, rooms_lifecycle()),
        ):
            s3.put_bucket_lifecycle_configuration(
                Bucket=bucket,
                LifecycleConfiguration=rules,  # type: ignore[arg-type] # a plain dictionary by design
            )
        s3.put_bucket_cors(
            Bucket=settings.s3_upload_bucket,
            CORSConfiguration=uploads_cors(LOCAL_ORIGINS),  # type: ignore[arg-type] # see above
        )
    with aws_errors("The queue service"):
        # An engine that was killed may have kept its objects and lost its queues.
        for room_id in S3ObjectStore(s3, settings.s3_room_bucket).folders():
            if keys.is_room_id(room_id):
                ensure_queue(sqs, job_queue(settings, room_id))
    if settings.s3_endpoint_url != settings.sqs_endpoint_url:
        return  # a store of another maker has no way to send to this queue service; the sweep does it all
    with aws_errors("The object store"):
        for notice in wanted.notices:
            url, arn = arns[notice.queue]
            policy = may_send("s3", f"arn:aws:s3:::{notice.bucket}", arn)
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
            s3.put_bucket_notification_configuration(
                Bucket=notice.bucket,
                NotificationConfiguration=notification(notice, arn),  # type: ignore[arg-type] # see above
            )


def _ensure_bucket(s3: S3Client, bucket: str, region: str) -> None:
    try:
        if region == "us-east-1":
            s3.create_bucket(Bucket=bucket)
        else:
            s3.create_bucket(
                Bucket=bucket,
                CreateBucketConfiguration={"LocationConstraint": region},  # type: ignore[typeddict-item]
            )
    except ClientError as error:
        if error_code(error) not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
            raise
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


class Subscription:
    """This instance's own queue on the topic of room notifications; gone again when it is closed."""

    def __init__(
        self, settings: Settings, topic_arn: str, instance: str, on_traffic: TrafficHook = unheard
    ) -> None:
        self._sqs, self._sns = sqs_client(settings, on_traffic), sns_client(settings, on_traffic)
        self.queue_name = f"{settings.room_events_topic}-{instance}"
        with aws_errors("The queue service"):
            self._url = self._sqs.create_queue(
                QueueName=self.queue_name, Attributes={"MessageRetentionPeriod": "300"}
            )["QueueUrl"]
            arn = _arn(self._sqs, self._url)
            self._sqs.set_queue_attributes(
                QueueUrl=self._url, Attributes={"Policy": may_send("sns", topic_arn, arn)}
            )
            self._arn = self._sns.subscribe(
                TopicArn=topic_arn,
                Protocol="sqs",
                Endpoint=arn,
                Attributes={"RawMessageDelivery": "true"},
                ReturnSubscriptionArn=True,
            )["SubscriptionArn"]

    def close(self) -> None:
        """Unsubscribe and delete the queue."""
        with aws_errors("The queue service"):
            self._sns.unsubscribe(SubscriptionArn=self._arn)
            self._sqs.delete_queue(QueueUrl=self._url)
