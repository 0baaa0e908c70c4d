"""Adapter: what only somebody with AWS credentials can see of an environment: dead letters and alarms."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sleap_rtc.client.environment_check import CheckFailed, NotTried
from sleap_rtc.storage.errors import Refused, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sleap_rtc.settings import Settings

_QUEUE_PREFIX = "sleap-rtc-doctor-"
_REASON = "sleap-rtc doctor rings this alarm once, and puts it back."
_NAMED_AT_ONCE = 5
_LOGIN = "give this shell AWS credentials (AWS_PROFILE, `aws sso login`) with the operator's role"


class Operator:
    """Looks at queues and alarms, and rings one.

    Args:
        settings: of the environment.
        alarms: what the names of its alarms begin with.
        within_s: how long to wait for the message of an alarm.

    Raises:
        NotTried: there are no AWS credentials here, or nothing that could use them.
    """

    def __init__(self, settings: Settings, alarms: str, within_s: float) -> None:
        try:
            import boto3
            from botocore.config import Config
        except ModuleNotFoundError:
            raise NotTried(
                why="boto3 is not installed here.", advice="pip install 'sleap-rtc[worker]'"
            ) from None
        session = boto3.Session(region_name=settings.s3_region)
        with _aws("AWS"):
            if session.get_credentials() is None:
                raise NotTried(why="There are no AWS credentials here.", advice=_LOGIN)
        config = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=30)

        def client(name: str) -> Any:
            return session.client(name, endpoint_url=settings.sqs_endpoint_url, config=config)  # type: ignore[call-overload] # one of three names

        self._sqs, self._sns, self._cloudwatch = client("sqs"), client("sns"), client("cloudwatch")
        self._settings = settings
        self._alarms = alarms
        self._within_s = within_s

    def dead_letters(self) -> str:
        """Say that no message was given up. Raises CheckFailed."""
        settings = self._settings
        with _aws("SQS"):
            names = [settings.upload_events_queue, settings.model_events_queue]
            pages = self._sqs.get_paginator("list_queues").paginate(
                QueueNamePrefix=f"{settings.job_queue_prefix}-", PaginationConfig={"PageSize": 1000}
            )
            listed = [url.rpartition("/")[2] for page in pages for url in page.get("QueueUrls", [])]
            letters = [name for name in listed if name.endswith("-dlq")]
            letters += [self._letters_of(name) for name in names]
            counts = {name: self._count(name) for name in letters}
        waiting = {name: count for name, count in counts.items() if count}
        if waiting:
            told = ", ".join(f"{count} in {name}" for name, count in list(waiting.items())[:_NAMED_AT_ONCE])
            raise CheckFailed(
                why=f"There are dead letters: {told}.",
                advice="`sleap-rtc events dlq ls` says why each was given up; `dlq redrive` tries them again",
            )
        return f"{len(counts)} dead-letter queues are empty"

    def _letters_of(self, name: str) -> str:
        policy = self._attributes(name, "RedrivePolicy").get("RedrivePolicy")
        if not policy:
            raise CheckFailed(
                why=f"Queue {name} has no dead-letter queue.",
                advice="apply Terraform again: its redrive policy is not there",
            )
        return str(json.loads(policy)["deadLetterTargetArn"]).rpartition(":")[2]

    def _count(self, name: str) -> int:
        return int(self._attributes(name, "ApproximateNumberOfMessages")["ApproximateNumberOfMessages"])

    def _attributes(self, name: str, attribute: str) -> dict[str, str]:
        try:
            url = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
        except self._sqs.exceptions.QueueDoesNotExist:
            raise CheckFailed(
                why=f"There is no queue {name} in region {self._settings.s3_region}.",
                advice="look at upload_events_queue, model_events_queue, s3_region and the AWS account here",
            ) from None
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[attribute])
        return dict(found.get("Attributes", {}))

    def alarms(self) -> str:
        """Say that there are alarms, silent ones, and that somebody hears them. Raises CheckFailed."""
        alarms, topics = self._listed()
        ringing = [alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM"]
        if ringing:
            raise CheckFailed(
                why=f"{len(ringing)} of {len(alarms)} alarms ring: {', '.join(ringing[:_NAMED_AT_ONCE])}.",
                advice="each alarm's description says what it means",
            )
        deaf = [topic for topic in topics if not self._subscribers(topic)]
        if deaf:
            raise CheckFailed(
                why=f"Nobody is subscribed to {deaf[0]}, so nobody hears the alarms.",
                advice="confirm the subscription in the mail of SNS, or name addresses in notify_emails",
            )
        return f"{len(alarms)} alarms are silent and tell {len(topics)} topic{'s' if len(topics) > 1 else ''}"

    def bell(self) -> str:
        """Ring one alarm, hear it on its topic, and put it back. Raises CheckFailed."""
        alarms, topics = self._listed()
        alarm = next((each for each in alarms if each["StateValue"] != "ALARM"), alarms[0])
        topic = next(iter(alarm["AlarmActions"]), topics[0])
        name, before = alarm["AlarmName"], alarm["StateValue"]
        begun = time.monotonic()
        with _aws("CloudWatch"), self._ear(topic) as url:
            # From another state: what is in this one already says nothing when it is set again.
            if before == "ALARM":
                self._set(name, "OK")
            try:
                self._set(name, "ALARM")
                heard = self._heard(url, name)
            finally:
                self._set(name, before)
        if not heard:
            raise CheckFailed(
                why=f"Alarm {name} was rung, but within {self._within_s:.0f} s nothing came over its topic "
                f"{topic}.",
                advice="look whether the topic's policy lets CloudWatch publish, and at the alarm's history",
            )
        return f"{name} was rung, heard {time.monotonic() - begun:.1f} s later, and put back to {before}"

    def _set(self, name: str, state: str) -> None:
        self._cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason=_REASON)

    def _listed(self) -> tuple[list[dict[str, Any]], list[str]]:
        with _aws("CloudWatch"):
            pages = self._cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=self._alarms)
            alarms = [alarm for page in pages for alarm in page["MetricAlarms"]]
        if not alarms:
            raise CheckFailed(
                why=f"There is no alarm whose name begins with {self._alarms} in region "
                f"{self._settings.s3_region}.",
                advice="apply Terraform, or name the beginning of their names with --alarms",
            )
        mute = [alarm["AlarmName"] for alarm in alarms if not alarm["AlarmActions"]]
        if mute:
            raise CheckFailed(
                why=f"{len(mute)} of {len(alarms)} alarms tell nobody: {', '.join(mute[:_NAMED_AT_ONCE])}.",
                advice="apply Terraform again: their actions are not there",
            )
        return alarms, sorted({action for alarm in alarms for action in alarm["AlarmActions"]})

    def _subscribers(self, topic: str) -> int:
        try:
            with _aws("SNS"):
                found = self._sns.get_topic_attributes(TopicArn=topic)["Attributes"]
        except self._sns.exceptions.NotFoundException:
            raise CheckFailed(
                why=f"The alarms tell {topic}, which does not exist.",
                advice="apply Terraform again: the alarms' topic is not there",
            ) from None
        return int(found["SubscriptionsConfirmed"])

    @contextmanager
    def _ear(self, topic: str) -> Iterator[str]:
        """Have a queue that hears the topic while the block runs."""
        name = f"{_QUEUE_PREFIX}{secrets.token_hex(4)}"
        url = self._sqs.create_queue(QueueName=name, Attributes={"MessageRetentionPeriod": "300"})["QueueUrl"]
        try:
            arn = self._attributes(name, "QueueArn")["QueueArn"]
            self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _may_send(topic, arn)})
            with suppress(self._sns.exceptions.NotFoundException):
                subscribed = self._sns.subscribe(
                    TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True
                )["SubscriptionArn"]
                try:
                    yield url
                finally:
                    self._sns.unsubscribe(SubscriptionArn=subscribed)
                return
            raise CheckFailed(
                why=f"The alarms tell {topic}, which does not exist.",
                advice="apply Terraform again: the alarms' topic is not there",
            )
        finally:
            self._sqs.delete_queue(QueueUrl=url)

    def _heard(self, url: str, alarm: str) -> bool:
        deadline = time.monotonic() + self._within_s
        while time.monotonic() < deadline:
            got = self._sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2, MaxNumberOfMessages=10)
            if any(alarm in message["Body"] for message in got.get("Messages", [])):
                return True
        return False


def _may_send(topic: str, queue: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@contextmanager
def _aws(where: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in {"NotFound", "NotFoundException"}:
            raise
        if "AccessDenied" in code or "Token" in code or "Credential" in code or "ClientId" in code:
            raise Refused(where=where, why=code) from error
        raise Unreachable(where=where, why=code) from error
    except BotoCoreError as error:
        raise Unreachable(where=where, why=str(error)) from error
