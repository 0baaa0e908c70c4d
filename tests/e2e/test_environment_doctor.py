"""`sleap-rtc doctor --environment` against the whole product, well and with each thing broken once."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from support.certificates import Authority
from support.fault_proxy import FaultProxy, Reply
from support.gate import gate
from support.product import Product
from support.tiny_server import TinyServer

from sleap_rtc.local.stack import External
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.tiny_server import Visitor

REGION = "us-east-1"
UPLOADS, ROOMS = "sleap-rtc-uploads", "sleap-rtc-rooms"
ALL = [
    "address",
    "ready",
    "metrics",
    "token",
    "room",
    "upload",
    "strangers",
    "upload event",
    "notifications",
    "publishing",
    "signaling",
    "removal",
    "dead letters",
    "alarms",
    "alarm bell",
]
ALARM = "sleap-rtc-dev-dead-letters"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Return a product whose store lets nobody in without a signature, with an alarm that somebody hears."""
    from sleap_rtc.local.engine import start_engine

    folder = tmp_path_factory.mktemp("closed")
    engine, url = start_engine(folder / "engine", folder / "engine.log")
    try:
        with gate(url) as address:
            product = Product(folder, External(address))
            with product.stack:
                yield product
    finally:
        engine.stop()


class Cloud:
    """What an operator does to the environment."""

    def __init__(self, url: str) -> None:
        self._access = {"endpoint_url": url, "region_name": REGION}

    def client(self, name: str) -> Any:
        return boto3.client(name, **self._access)  # type: ignore[call-overload]

    def alarm(self, topic: str = "", **changed: Any) -> None:
        """Have an alarm on a topic, which somebody is subscribed to unless it is another one."""
        what = {
            "AlarmName": ALARM,
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Namespace": "AWS/SQS",
            "Statistic": "Maximum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
            "AlarmActions": [topic or self.topic],
        }
        self.client("cloudwatch").put_metric_alarm(**{**what, **changed})

    @property
    def topic(self) -> str:
        arn = str(self.client("sns").create_topic(Name="alarms")["TopicArn"])
        queue = self.client("sqs").create_queue(QueueName="heard")["QueueUrl"]
        asked = self.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        self.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=asked["Attributes"]["QueueArn"])
        return arn

    @contextmanager
    def without_notification(self, bucket: str) -> Iterator[None]:
        s3 = self.client("s3")
        before = s3.get_bucket_notification_configuration(Bucket=bucket)
        before.pop("ResponseMetadata")
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
        yield
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=before)

    @contextmanager
    def nobody_hears(self, topic: str) -> Iterator[None]:
        sns = self.client("sns")
        arn = sns.create_topic(Name=topic)["TopicArn"]
        heard = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
        for each in heard:
            sns.unsubscribe(SubscriptionArn=each["SubscriptionArn"])
        yield
        for each in heard:
            sns.subscribe(
                TopicArn=arn,
                Protocol="sqs",
                Endpoint=each["Endpoint"],
                Attributes={"RawMessageDelivery": "true"},
            )

    @contextmanager
    def letter(self, queue: str) -> Iterator[None]:
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="given up")
        yield
        sqs.purge_queue(QueueUrl=url)

    def queues(self) -> set[str]:
        listed = self.client("sqs").list_queues().get("QueueUrls", [])
        return {url.rpartition("/")[2] for url in listed}

    def state(self) -> str:
        return str(self.client("cloudwatch").describe_alarms()["MetricAlarms"][0]["StateValue"])


@pytest.fixture
def cloud(closed: Product) -> Iterator[Cloud]:
    cloud = Cloud(closed.stack.engine_url)
    cloud.alarm()
    yield cloud
    cloud.client("cloudwatch").delete_alarms(AlarmNames=[ALARM])


def examined(product: Product, *options: str, **environment: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run the doctor as an operator; return the exit status and the rows by name."""
    operator = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "SLEAP_RTC_SQS_ENDPOINT_URL": product.stack.engine_url,
    }
    said = product.run(
        "doctor", "--environment", "dev", "--json", "--within", "15", *options, **{**operator, **environment}
    )
    rows = json.loads(said.out)
    assert said.err == "", said.err
    return said.status, {row["name"]: row for row in rows}


def failed(rows: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, row in rows.items() if row["outcome"] == "failed"]


def not_tried(rows: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, row in rows.items() if row["outcome"] == "not tried"]


def healthy_alone(visitor: Visitor) -> None:
    """Be well, and nothing else."""
    if "/healthz" in visitor.head():
        visitor.answer("200 OK", "Connection: close", body=b'{"status": "healthy"}')
    else:
        visitor.answer("503 Service Unavailable", "Connection: close")


def keys_of(product: Product) -> set[str]:
    """All that lies in the store, but what tells repetitions of requests apart, which goes after a week."""
    buckets = (product.objects(name) for name in (UPLOADS, ROOMS))
    return {
        found.key
        for bucket in buckets
        for found in bucket.list("")
        if not found.key.startswith(keys.RECEIPTS_PREFIX)
    }


def test_everything_is_done_once_and_nothing_of_it_stays(closed: Product, cloud: Cloud) -> None:
    before, queues = keys_of(closed), cloud.queues()
    status, rows = examined(closed)
    assert {name: row["outcome"] for name, row in rows.items()} == dict.fromkeys(ALL, "ok"), rows
    assert status == 0
    assert (keys_of(closed), cloud.queues(), cloud.state()) == (before, queues, "INSUFFICIENT_DATA")


def test_the_table_has_a_line_for_each_check(closed: Product) -> None:
    said = closed.run("doctor", "--environment", "development")
    assert (said.status, said.err) == (0, "")
    assert [line.split("  ")[0].strip() for line in said.out.splitlines()].count("ok") == 12
    assert "not tried   alarm bell" in said.out
    assert "→ give this shell AWS credentials" in said.out


def test_without_aws_credentials_what_needs_them_is_not_tried(closed: Product) -> None:
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    status, rows = examined(closed, **nobody)
    assert status == 0
    assert not_tried(rows) == ["dead letters", "alarms", "alarm bell"]
    assert rows["alarms"]["told"] == "There are no AWS credentials here."


def test_a_service_that_is_away_is_one_failure(closed: Product, cloud: Cloud) -> None:
    status, rows = examined(closed, SLEAP_RTC_BACKEND_API_URL="http://127.0.0.1:9")
    assert status == ExitCode.UNREACHABLE
    assert failed(rows) == ["address"]
    assert rows["address"]["told"].startswith("The service at http://127.0.0.1:9 does not answer")
    assert not_tried(rows) == [name for name in ALL[1:12] if name != "room"]


def test_an_address_without_tls_is_refused(closed: Product, cloud: Cloud) -> None:
    status, rows = examined(closed, SLEAP_RTC_BACKEND_API_URL="http://sleap.example.org")
    assert (status, failed(rows)) == (ExitCode.BAD_INPUT, ["address"])
    assert rows["address"]["told"] == (
        "http://sleap.example.org is an address without TLS, so tokens would travel in the open."
    )


def test_a_certificate_that_nobody_knows_is_named(closed: Product, cloud: Cloud, tmp_path: Path) -> None:
    with TinyServer(healthy_alone, tls=Authority(tmp_path).server_context()) as server:
        status, rows = examined(closed, SLEAP_RTC_BACKEND_API_URL=server.url)
    assert (status, failed(rows)) == (ExitCode.UNREACHABLE, ["address"])
    assert "the TLS certificate was not accepted" in rows["address"]["told"]


def test_a_service_without_a_store_is_named(closed: Product, cloud: Cloud) -> None:
    with TinyServer(healthy_alone) as server:
        status, rows = examined(closed, SLEAP_RTC_BACKEND_API_URL=server.url)
    assert status == ExitCode.BAD_INPUT
    assert failed(rows) == ["ready", "metrics", "token"]
    assert rows["ready"]["told"] == (
        "/healthz is well, but /readyz answers HTTP 503: the service has no store."
    )
    assert rows["metrics"]["told"] == "/metrics answers HTTP 503 and shows no metrics of sleap-rtc."


def test_metrics_that_are_closed_to_those_outside_are_well(closed: Product, cloud: Cloud) -> None:
    with FaultProxy(closed.stack.service_url) as balancer:
        balancer.script("GET /metrics", Reply(403, b"The metrics are for those within."))
        _, rows = examined(closed, SLEAP_RTC_BACKEND_API_URL=balancer.url)
    assert rows["metrics"]["outcome"] == "ok"
    assert rows["metrics"]["told"] == "/metrics is for those within, and closed to everybody else"


def test_a_token_that_has_expired_is_named(closed: Product, cloud: Cloud) -> None:
    old = closed.stack.issuer.token("local-user", exp=1_700_000_000)
    status, rows = examined(closed, SLEAP_RTC_TOKEN=old)
    assert (status, failed(rows)) == (ExitCode.REFUSED, ["token"])
    assert rows["token"]["advice"].startswith("sign in: `sleap-rtc login`")
    assert rows["upload"]["told"] == "There is no token that holds."


def test_a_store_that_lets_anybody_in_is_named(product: Product) -> None:
    status, rows = examined(product)
    assert status == ExitCode.BAD_INPUT
    assert failed(rows) == ["strangers", "alarms"]
    assert rows["strangers"]["told"].startswith("The uploads bucket can be read without a signature")


@pytest.mark.parametrize(
    ("bucket", "check", "sentence"),
    [
        (UPLOADS, "upload event", "The upload is complete, but within 15 s the service read no notice of S3"),
        (ROOMS, "publishing", "A model was sent, but within 15 s no notice of S3 published it."),
    ],
)
def test_a_bucket_without_its_notification_is_named(
    closed: Product, cloud: Cloud, bucket: str, check: str, sentence: str
) -> None:
    with cloud.without_notification(bucket):
        status, rows = examined(closed)
    assert (status, failed(rows)) == (ExitCode.BAD_INPUT, [check])
    assert rows[check]["told"].startswith(sentence)
    assert "notification" in rows[check]["advice"]


def test_a_room_topic_that_nobody_hears_is_named(closed: Product, cloud: Cloud) -> None:
    with cloud.nobody_hears("sleap-rtc-room-events"):
        status, rows = examined(closed)
    assert (status, failed(rows)) == (ExitCode.BAD_INPUT, ["notifications"])
    assert "nobody woke the stream" in rows["notifications"]["told"]


def test_a_signaling_that_does_not_answer_is_named(closed: Product, cloud: Cloud) -> None:
    status, rows = examined(closed, SLEAP_RTC_LIVE_SIGNALING_URL="ws://127.0.0.1:9/ws")
    assert (status, failed(rows)) == (ExitCode.UNREACHABLE, ["signaling"])
    assert "ws://127.0.0.1:9/ws" in rows["signaling"]["told"]


def test_dead_letters_are_counted(closed: Product, cloud: Cloud) -> None:
    with cloud.letter("sleap-rtc-upload-events-dlq"):
        status, rows = examined(closed)
    assert (status, failed(rows)) == (ExitCode.BAD_INPUT, ["dead letters"])
    assert rows["dead letters"]["told"] == "There are dead letters: 1 in sleap-rtc-upload-events-dlq."


def test_an_alarm_on_a_topic_that_is_gone_is_named(closed: Product, cloud: Cloud) -> None:
    gone = cloud.topic.replace(":alarms", ":nowhere")
    cloud.alarm(gone)
    status, rows = examined(closed)
    assert (status, failed(rows)) == (ExitCode.BAD_INPUT, ["alarms"])
    assert rows["alarms"]["told"] == f"The alarms tell {gone}, which does not exist."
    assert rows["alarm bell"]["told"] == "The alarms are not as they have to be."


def test_alarms_that_nobody_hears_are_named(closed: Product, cloud: Cloud) -> None:
    lonely = cloud.client("sns").create_topic(Name="lonely")["TopicArn"]
    cloud.alarm(lonely)
    _, rows = examined(closed)
    assert failed(rows) == ["alarms"]
    assert rows["alarms"]["told"] == f"Nobody is subscribed to {lonely}, so nobody hears the alarms."


def test_an_alarm_that_tells_nobody_is_named(closed: Product, cloud: Cloud) -> None:
    cloud.alarm(AlarmActions=[])
    _, rows = examined(closed)
    assert rows["alarms"]["told"] == f"1 of 1 alarms tell nobody: {ALARM}."


def test_an_alarm_that_rings_is_named(closed: Product, cloud: Cloud) -> None:
    cloud.client("cloudwatch").set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="a test")
    _, rows = examined(closed)
    assert rows["alarms"]["told"] == f"1 of 1 alarms ring: {ALARM}."


def test_an_environment_without_alarms_is_named(closed: Product, cloud: Cloud) -> None:
    status, rows = examined(closed, "--alarms", "another-")
    assert (status, failed(rows)) == (ExitCode.BAD_INPUT, ["alarms"])
    assert rows["alarms"]["told"] == "There is no alarm whose name begins with another- in region us-east-1."


def test_an_alarm_that_rings_unheard_is_named(closed: Product, cloud: Cloud) -> None:
    cloud.alarm(ActionsEnabled=False)
    status, rows = examined(closed)
    assert (status, failed(rows)) == (ExitCode.BAD_INPUT, ["alarm bell"])
    assert rows["alarm bell"]["told"].startswith(f"Alarm {ALARM} was rung, but within 15 s nothing came")
    assert cloud.state() == "INSUFFICIENT_DATA"


def test_queues_of_another_account_are_named(closed: Product, cloud: Cloud) -> None:
    _, rows = examined(closed, SLEAP_RTC_UPLOAD_EVENTS_QUEUE="another")
    assert failed(rows) == ["dead letters"]
    assert rows["dead letters"]["told"] == "There is no queue another in region us-east-1."


def test_an_environment_that_does_not_exist_is_one_sentence(closed: Product) -> None:
    said = closed.run("doctor", "--environment", "porduction")
    assert (said.status, said.out) == (ExitCode.BAD_INPUT, "")
    assert said.sentence.startswith("sleap-rtc: 'porduction' is no environment. Name one of dev, ")


@pytest.mark.parametrize("spelling", ["prod", "production"])
def test_both_spellings_take_the_section_of_the_settings_file(
    closed: Product, tmp_path: Path, spelling: str
) -> None:
    file = tmp_path / "sleap-rtc.toml"
    file.write_text('live_signaling_url = "wss://a/ws"\n[production]\nlive_signaling_url = "ws://b/ws"\n')
    said = closed.run("doctor", "--environment", spelling, SLEAP_RTC_CONFIG=str(file))
    assert said.status == ExitCode.BAD_INPUT
    assert "in production an address that is not on this machine begins with wss://" in said.sentence
