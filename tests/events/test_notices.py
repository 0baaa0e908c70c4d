"""What S3 says: every form in which it arrives, every key that it can name, and anything else."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import boto3
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.engines import ENGINES
from support.jobs import notice
from support.loop import in_loop
from support.queues import engine_queue

from sleap_rtc.events.notices import NoticeUnreadable, ObjectCreated, parse_notices
from sleap_rtc.storage.s3_client import s3_client

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

GOLDEN = Path(__file__).parent / "golden"
# S3 takes any Unicode that UTF-8 can write, up to 1,024 bytes.
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def golden(name: str) -> list[ObjectCreated]:
    return parse_notices((GOLDEN / name).read_text(encoding="utf-8"))


def refusal_of(body: str) -> str:
    with pytest.raises(NoticeUnreadable) as refused:
        parse_notices(body)
    return refused.value.why


def body_with(**changed: Any) -> str:
    return json.dumps({"Records": [{**notice("b", "k"), **changed}]})


def test_a_direct_notice_names_the_object_with_its_key_decoded_once() -> None:
    [found] = golden("direct_multipart.json")
    assert found == ObjectCreated(
        bucket="the-uploads",
        key="uploads/Meine Mäuse 1+1=2 100%.zip",
        etag="d41d8cd98f00b204e9800998ecf8427e-3",
        version_id="096fKKXTRTtl3on89fVO.nfljtsv6qko",
        sequencer="0055AED6DCD90281E5",
    )


def test_a_newer_minor_version_with_unknown_fields_is_read() -> None:
    assert golden("direct_newest_schema.json") == [
        ObjectCreated("the-uploads", "plain.zip", "quoted", "", "00AB")
    ]


def test_a_notice_that_came_through_sns_is_unwrapped() -> None:
    assert golden("wrapped_by_sns.json") == [ObjectCreated("the-uploads", "a b.zip", "e", "", "01")]


def test_a_key_that_came_through_event_bridge_is_not_decoded() -> None:
    [found] = golden("event_bridge.json")
    assert found == ObjectCreated("the-uploads", "a+b c%20d.zip", "e", "v7", "617f08299329d189")


def test_other_events_of_event_bridge_are_passed_over() -> None:
    assert golden("event_bridge_deleted.json") == []


def test_the_test_event_of_a_new_notification_is_passed_over() -> None:
    assert golden("test_event.json") == []


def test_the_test_event_is_passed_over_when_it_came_through_sns() -> None:
    inner = (GOLDEN / "test_event.json").read_text(encoding="utf-8")
    assert parse_notices(json.dumps({"Type": "Notification", "Message": inner})) == []


def test_of_several_records_the_created_objects_are_returned_in_order() -> None:
    assert [found.key for found in golden("several_records.json")] == ["first.zip", "second.zip"]


def test_a_message_of_no_records_speaks_of_no_objects() -> None:
    assert parse_notices('{"Records": []}') == []


def test_an_unknown_major_version_is_refused_with_its_number() -> None:
    assert "3.0" in refusal_of((GOLDEN / "unknown_version.json").read_text(encoding="utf-8"))


def test_a_record_without_a_version_is_refused() -> None:
    assert "missing" in refusal_of(body_with(eventVersion=""))


@pytest.mark.parametrize("body", ["", "hello", "{", "\x00", "[" * 100_000])
def test_what_is_not_json_is_refused(body: str) -> None:
    assert refusal_of(body) == "it is not JSON"


@pytest.mark.parametrize("body", ["[]", "1", "null", '"Records"'])
def test_what_is_not_an_object_is_refused(body: str) -> None:
    assert refusal_of(body) == "it is not an object"


def test_an_object_without_records_is_refused() -> None:
    assert refusal_of('{"hello": 1}') == "it has no Records"


@pytest.mark.parametrize(
    "s3",
    [
        None,
        {},
        {"bucket": {"name": "b"}, "object": {}},
        {"bucket": {"name": "b"}, "object": "k"},
        {"bucket": {"name": "b"}, "object": {"key": 7}},
        {"bucket": {"name": None}, "object": {"key": "k"}},
        {"bucket": {}, "object": {"key": "k"}},
        {"object": {"key": "k"}},
    ],
)
def test_a_record_with_a_field_missing_or_wrong_is_refused(s3: object) -> None:
    assert "missing or wrong" in refusal_of(body_with(s3=s3))


def test_a_key_of_event_bridge_that_is_no_text_is_refused() -> None:
    detail = {"bucket": {"name": "b"}, "object": {"key": 7}}
    body = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}
    assert "missing or wrong" in refusal_of(json.dumps(body))


def test_two_deliveries_of_one_notice_have_one_identity() -> None:
    assert golden("direct_multipart.json")[0].identity == golden("direct_multipart.json")[0].identity


@pytest.mark.parametrize("field", ["bucket", "key", "version_id"])
def test_another_object_or_version_has_another_identity(field: str) -> None:
    one = ObjectCreated("b", "k", "e", "v1", "01")
    assert ObjectCreated(**{**vars(one), field: "other"}).identity != one.identity


@pytest.mark.parametrize("field", ["etag", "sequencer"])
def test_without_versions_etag_and_sequencer_tell_two_writes_apart(field: str) -> None:
    one = ObjectCreated("b", "k", "e", "", "01")
    assert ObjectCreated(**{**vars(one), field: "other"}).identity != one.identity


@given(KEYS)
@example("a+b c%20d=ü/日本 🐁.zip")
@example("100%")
@example("%2B")
@example("\x00\n")
def test_every_key_survives_the_form_encoding_of_s3(key: str) -> None:
    body = json.dumps({"Records": [notice("b", quote_plus(key))]})
    assert [found.key for found in parse_notices(body)] == [key]


@given(KEYS)
@example("a+b c%20d=ü")
def test_every_key_survives_event_bridge(key: str) -> None:
    detail = {"bucket": {"name": "b"}, "object": {"key": key}}
    body = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}
    assert [found.key for found in parse_notices(json.dumps(body))] == [key]


def assert_read_or_refused(body: str) -> None:
    try:
        found = parse_notices(body)
    except NoticeUnreadable:
        return
    assert all(isinstance(value, str) for notice in found for value in vars(notice).values())


@given(st.text())
def test_no_text_raises_anything_but_a_refusal(body: str) -> None:
    assert_read_or_refused(body)


@given(st.dictionaries(st.sampled_from(["Records", "Type", "Message", "source", "detail", "Event"]), JSON))
def test_no_json_raises_anything_but_a_refusal(body: dict[str, Any]) -> None:
    assert_read_or_refused(json.dumps(body))


@given(st.sampled_from(["eventVersion", "eventName", "s3"]), JSON)
def test_no_field_of_a_record_raises_anything_but_a_refusal(field: str, value: Any) -> None:
    assert_read_or_refused(body_with(**{field: value}))


@given(st.sampled_from(["bucket", "object"]), st.sampled_from(["name", "key", "eTag", "versionId"]), JSON)
def test_no_value_inside_a_record_raises_anything_but_a_refusal(part: str, field: str, value: Any) -> None:
    inside = {"bucket": {"name": "b"}, "object": {"key": "k"}}
    inside[part] = {**inside[part], field: value}
    assert_read_or_refused(body_with(s3=inside))


@pytest.fixture(params=ENGINES)
def any_engine_url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


async def said_of(key: str, bucket: str, s3: S3Client, engine_url: str) -> set[tuple[str, str]]:
    """Put an object and return of which objects the engine speaks, and under which ETags."""
    s3.create_bucket(Bucket=bucket)
    async with engine_queue(engine_url) as queue:
        announce_on(queue.name, s3, bucket, engine_url)
        s3.put_object(Bucket=bucket, Key=key, Body=b"mice")
        bodies: list[str] = []
        while not any("Records" in body for body in bodies):
            bodies += [delivery.body for delivery in await queue.receive(10, 5, 30)]
    return {(found.key, found.etag) for body in bodies for found in parse_notices(body)}


@pytest.mark.parametrize("key", ["plain.zip", "Meine Mäuse 1+1=2 100%.zip", "日本/🐁 &?.zip"])
@in_loop
async def test_what_an_engine_says_of_an_object_is_what_was_put(key: str, any_engine_url: str) -> None:
    s3, bucket = s3_client("us-east-1", any_engine_url), f"b-{uuid.uuid4().hex[:12]}"
    said = await said_of(key, bucket, s3, any_engine_url)
    assert said == {(key, hashlib.md5(b"mice", usedforsecurity=False).hexdigest())}


def announce_on(queue_name: str, s3: S3Client, bucket: str, engine_url: str) -> None:
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=engine_url)
    url = sqs.get_queue_url(QueueName=queue_name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
