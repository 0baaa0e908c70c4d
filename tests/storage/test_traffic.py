"""What is told of requests and bytes: every try of every request, and bytes once they arrived."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import ClientError
from support.fault_proxy import FaultProxy, s3_error
from support.transfer_bench import KEY, DownloadBench, UploadBench

from sleap_rtc.events.sns_topic import SnsTopic, room_spoken_of
from sleap_rtc.events.sqs_queue import SqsQueue, sqs_client
from sleap_rtc.storage.call_events import tell_calls
from sleap_rtc.storage.errors import NotFound, PreconditionFailed
from sleap_rtc.storage.object_store import Create, Overwrite
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore
from sleap_rtc.storage.traffic import Called, Moved, Outcome, Traffic, outcome_of

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_s3 import S3Client

REGION = "us-east-1"
PART_BYTES = 100_000


class Heard:
    """Takes everything down."""

    def __init__(self) -> None:
        self.calls: list[Called] = []
        self.moves: list[Moved] = []

    def __call__(self, event: Called | Moved) -> None:
        if isinstance(event, Called):
            self.calls.append(event)
        else:
            self.moves.append(event)

    @property
    def answers(self) -> list[tuple[str, Outcome]]:
        return [(call.operation, call.outcome) for call in self.calls]


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_each_request_of_a_store_is_told_once_and_says_what_it_is_about(
    engine_url: str, bucket: str, heard: Heard
) -> None:
    store = S3ObjectStore(s3_client(REGION, engine_url, heard), bucket)
    store.put("lab/room.json", b"{}", Create())
    store.get("lab/room.json")
    list(store.list("lab/"))
    with pytest.raises(PreconditionFailed):
        store.put("lab/room.json", b"{}", Create())
    with pytest.raises(NotFound):
        store.head("lab/nothing")
    store.delete("lab/room.json")
    assert heard.answers == [
        ("PutObject", "ok"),
        ("GetObject", "ok"),
        ("ListObjectsV2", "ok"),
        ("PutObject", "conflict"),
        ("HeadObject", "missing"),
        ("DeleteObject", "ok"),
    ]
    assert [call.about for call in heard.calls] == [
        *["lab/room.json"] * 2,
        "lab/",
        "lab/room.json",
        "lab/nothing",
        "lab/room.json",
    ]
    assert all(call.service == "s3" and call.seconds > 0 for call in heard.calls)


def test_tries_that_were_throttled_count_like_the_one_that_was_not(
    proxy: FaultProxy, bucket: str, heard: Heard
) -> None:
    proxy.script("PUT .*room.json", s3_error(503, "SlowDown"), times=2)
    store = S3ObjectStore(s3_client(REGION, proxy.url, heard), bucket)
    store.put("lab/room.json", b"{}", Overwrite())
    assert heard.answers == [("PutObject", "throttled")] * 2 + [("PutObject", "ok")]
    assert proxy.count("PUT") == len(heard.calls)


def test_signing_a_url_is_no_request(engine_url: str, bucket: str, heard: Heard) -> None:
    client = s3_client(REGION, engine_url, heard)
    client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "lab/room.json"})
    assert heard.calls == []


def test_queues_and_topics_are_told_by_name_and_by_room(engine_url: str, heard: Heard) -> None:
    name = "told-of-queue"
    boto3.client("sqs", region_name=REGION, endpoint_url=engine_url).create_queue(QueueName=name)
    sns = boto3.client("sns", region_name=REGION, endpoint_url=engine_url)
    tell_calls(sns, "sns", heard, room_spoken_of)
    topic = SnsTopic(sns, sns.create_topic(Name="told-of-topic")["TopicArn"])
    topic.publish("lab")

    async def go_through() -> None:
        async with sqs_client(REGION, engine_url, on_traffic=heard) as client:
            queue = await SqsQueue.open(client, name)
            await queue.send("hello")
            (message,) = await queue.receive(1, 1, 30)
            await queue.delete(message)
            with pytest.raises(NotFound):
                await SqsQueue.open(client, "no-such-queue")

    asyncio.run(go_through())
    assert [(call.service, call.operation, call.about) for call in heard.calls] == [
        ("sns", "CreateTopic", ""),
        ("sns", "Publish", "lab"),
        ("sqs", "GetQueueUrl", name),
        ("sqs", "SendMessage", name),
        ("sqs", "ReceiveMessage", name),
        ("sqs", "DeleteMessageBatch", name),
        ("sqs", "GetQueueUrl", "no-such-queue"),
    ]
    assert heard.calls[-1].outcome != "ok"


def test_a_listener_that_hears_of_an_error_does_not_change_it(
    engine_url: str, bucket: str, heard: Heard
) -> None:
    client = s3_client(REGION, engine_url, heard)
    with pytest.raises(ClientError):
        client.get_object(Bucket=bucket, Key="nothing")
    assert heard.answers == [("GetObject", "missing")]


def test_an_upload_tells_each_part_that_the_store_acknowledged(
    proxy: FaultProxy, s3: S3Client, bucket: str, tmp_path: Path, heard: Heard
) -> None:
    bench = UploadBench(proxy, s3_client(REGION, proxy.url), bucket, tmp_path / "recording.zip")
    bench.open(2 * PART_BYTES + 1, PART_BYTES)
    proxy.script("partNumber=2", s3_error(503, "SlowDown"))
    bench.assert_sends(traffic=Traffic(heard, "in_region", "model"))
    assert sorted(move.size_bytes for move in heard.moves) == [1, PART_BYTES, PART_BYTES]
    assert {(move.direction, move.way, move.content) for move in heard.moves} == {
        ("upload", "in_region", "model")
    }
    assert Counter(heard.answers) == {("UploadPart", "ok"): 3, ("UploadPart", "throttled"): 1}
    assert proxy.count("partNumber") == len(heard.calls)
    assert all(call.about.endswith(KEY) and "Signature" not in call.about for call in heard.calls)


def test_a_download_tells_each_range_once_it_is_verified(
    proxy: FaultProxy, bucket: str, tmp_path: Path, heard: Heard
) -> None:
    bench = DownloadBench(proxy, s3_client(REGION, proxy.url), bucket, tmp_path)
    bench.store(3 * PART_BYTES)
    bench.fetch(traffic=Traffic(heard, content="dataset"))
    assert sum(move.size_bytes for move in heard.moves) == 3 * PART_BYTES
    assert {(move.direction, move.way, move.content) for move in heard.moves} == {
        ("download", "internet", "dataset")
    }
    assert heard.answers == [("GetObject", "ok")] * proxy.count("GET")


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (200, "", "ok"),
        (206, "", "ok"),
        (409, "ConditionalRequestConflict", "conflict"),
        (412, "", "conflict"),
        (404, "NoSuchKey", "missing"),
        (403, "AccessDenied", "refused"),
        (403, "RequestThrottled", "throttled"),
        (503, "SlowDown", "throttled"),
        (500, "InternalError", "failed"),
        (0, "", "failed"),
    ],
)
def test_an_answer_means_one_thing(status: int, code: str, outcome: Outcome) -> None:
    assert outcome_of(status, code) == outcome
