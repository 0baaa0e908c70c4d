"""What a room is told: kept in the feed, announced on the topic, replayed without a gap."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
import pytest
from support.jobs import NOON, ROOM, TRACEPARENT, CountingStore, HeardTopic, claim, queued_job
from support.loop import in_loop
from support.queues import engine_queue
from ulid import ULID

from sleap_rtc.events import job_steps
from sleap_rtc.events.feed import RoomFeed
from sleap_rtc.events.messages import RoomEvent
from sleap_rtc.events.sns_topic import SnsTopic
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import Unreachable
from sleap_rtc.storage.object_store import Create

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def topic() -> HeardTopic:
    return HeardTopic()


@pytest.fixture
def feed(store: CountingStore, topic: HeardTopic) -> RoomFeed:
    return RoomFeed(store, topic)


def told_at(store: CountingStore, seconds: float, state: str, room_id: str = ROOM) -> str:
    """Leave a notification as an instance does whose clock shows this time; return its id."""
    moment = NOON + timedelta(seconds=seconds)
    event_id = str(ULID.from_datetime(moment))
    event = RoomEvent(id=event_id, key=state, kind="job", room_id=room_id, job_id="j", state=state, at=moment)
    store.put(keys.feed_key(room_id, event_id), event.model_dump_json().encode(), Create())
    return event_id


def replayed(feed: RoomFeed, last_id: str = "", known: frozenset[str] = frozenset()) -> list[str]:
    return [event.state for event in feed.since(ROOM, last_id, known)]


def test_the_room_is_told_of_the_newest_edge(feed: RoomFeed) -> None:
    feed.tell_job(claim(queued_job()))
    [event] = feed.since(ROOM)
    assert (event.state, event.at, event.attempt, event.event) == ("claimed", NOON, 1, "message")
    assert (event.kind, event.job_id, event.traceparent) == ("job", queued_job().job_id, TRACEPARENT)


def test_the_room_is_told_of_each_of_several_edges_in_order(feed: RoomFeed) -> None:
    feed.tell_job(job_steps.lost(claim(queued_job()), NOON, "the lease ran out", 3), edges=2)
    assert {event.key.split("/", 1)[1] for event in feed.since(ROOM)} == {"3/lost", "4/requeued"}


def test_the_room_is_told_nothing_where_nothing_changed(feed: RoomFeed, topic: HeardTopic) -> None:
    feed.tell_job(queued_job(), edges=0)
    assert (replayed(feed), topic.woken) == ([], [])


def test_one_fact_told_twice_has_one_key_and_two_ids(feed: RoomFeed) -> None:
    feed.tell_job(queued_job())
    feed.tell_job(queued_job())
    first, second = feed.since(ROOM)
    assert first.key == second.key
    assert first.id != second.id


def test_a_failure_is_told_with_its_sentence(feed: RoomFeed) -> None:
    feed.tell_job(
        job_steps.failed(claim(queued_job()), NOON, "w1", "dataset_corrupt", "The dataset is corrupt.")
    )
    assert [event.text for event in feed.since(ROOM)] == ["The dataset is corrupt."]


def test_telling_wakes_whoever_listens_to_the_room(feed: RoomFeed, topic: HeardTopic) -> None:
    feed.tell_job(queued_job())
    assert topic.woken == [ROOM]


def test_a_topic_that_is_down_does_not_lose_what_was_told(feed: RoomFeed, topic: HeardTopic) -> None:
    topic.down = True
    feed.tell_job(queued_job())
    assert replayed(feed) == ["queued"]


def test_without_a_last_id_all_is_replayed_in_order(store: CountingStore, feed: RoomFeed) -> None:
    for seconds, state in ((200, "c"), (0, "a"), (100, "b")):
        told_at(store, seconds, state)
    assert replayed(feed) == ["a", "b", "c"]


def test_a_replay_looks_back_half_a_minute_for_what_was_written_late(
    store: CountingStore, feed: RoomFeed
) -> None:
    for seconds, state in ((69, "too old"), (71, "late"), (130, "new")):
        told_at(store, seconds, state)
    last_seen = told_at(store, 100, "last seen")
    assert replayed(feed, last_seen) == ["late", "last seen", "new"]


def test_what_the_reader_knows_is_not_read_again(store: CountingStore, feed: RoomFeed) -> None:
    known = told_at(store, 0, "known")
    new = told_at(store, 1, "new")
    assert replayed(feed, known, frozenset({known})) == ["new"]
    assert list(store.read) == [keys.feed_key(ROOM, new)]


def test_a_room_hears_nothing_of_another(store: CountingStore, feed: RoomFeed) -> None:
    told_at(store, 0, "elsewhere", room_id="rats-2")
    told_at(store, 0, "elsewhere", room_id=f"{ROOM}-2")
    assert replayed(feed) == []


@pytest.mark.parametrize("last_id", ["Z" * 26, "7" + "Z" * 25])
def test_after_a_time_that_no_clock_shows_nothing_is_replayed(
    store: CountingStore, feed: RoomFeed, last_id: str
) -> None:
    told_at(store, 0, "told")
    assert replayed(feed, last_id) == []


def test_after_the_first_of_all_ids_all_is_replayed(store: CountingStore, feed: RoomFeed) -> None:
    told_at(store, 0, "told")
    assert replayed(feed, "0" * 26) == ["told"]


@pytest.mark.parametrize("body", [b"", b'{"v": 2}', b"\xff"])
def test_a_notification_that_cannot_be_read_does_not_hide_the_others(
    store: CountingStore, feed: RoomFeed, body: bytes
) -> None:
    store.put(keys.feed_key(ROOM, str(ULID.from_datetime(NOON))), body, Create())
    told_at(store, 1, "readable")
    assert replayed(feed) == ["readable"]


@pytest.fixture
def sns(engine_url: str) -> SNSClient:
    return boto3.client("sns", region_name="us-east-1", endpoint_url=engine_url)


@in_loop
async def test_on_a_real_engine_a_wake_up_names_the_room(engine_url: str, sns: SNSClient) -> None:
    arn = sns.create_topic(Name=f"t-{datetime.now(UTC):%H%M%S%f}")["TopicArn"]
    async with engine_queue(engine_url) as queue:
        raw = {"RawMessageDelivery": "true"}
        endpoint = f"{arn.rpartition(':')[0].replace(':sns:', ':sqs:')}:{queue.name}"
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=endpoint, Attributes=raw)
        SnsTopic(sns, arn).publish(ROOM)
        [heard] = await queue.receive(10, 5, 60)
    assert json.loads(heard.body) == {"v": 1, "room_id": ROOM}


def test_a_topic_that_is_gone_is_unreachable(sns: SNSClient) -> None:
    with pytest.raises(Unreachable, match="SNS"):
        SnsTopic(sns, "arn:aws:sns:us-east-1:000000000000:nobody-made-it").publish(ROOM)
