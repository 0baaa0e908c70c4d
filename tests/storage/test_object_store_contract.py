"""One contract, four stores: the twin in memory, two real S3 servers, and moto."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from sleap_rtc.storage.errors import NotFound, PreconditionFailed
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.object_store import Create, ObjectStore, Overwrite, Update
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from types_boto3_s3 import S3Client


@dataclass(frozen=True)
class Subject:
    """A store, and a way to put an object with metadata into it, as a completed upload would."""

    store: ObjectStore
    place: Callable[[str, bytes, Mapping[str, str]], object]


def on_s3(client: S3Client, bucket: str) -> Subject:
    def place(key: str, body: bytes, metadata: Mapping[str, str]) -> object:
        return client.put_object(Bucket=bucket, Key=key, Body=body, Metadata=dict(metadata))

    return Subject(S3ObjectStore(client, bucket), place)


@cache
def moto_client() -> S3Client:
    """Return the one client that every mock of this module answers."""
    return s3_client("us-east-1")


@pytest.fixture(
    params=["memory", "ministack", "moto", pytest.param("seaweedfs", marks=pytest.mark.seaweedfs)]
)
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    match request.param:
        case "memory":
            memory = MemoryObjectStore()
            yield Subject(memory, lambda key, body, metadata: memory.place(key, body, Overwrite(), metadata))
        case "ministack":
            yield on_s3(request.getfixturevalue("s3"), request.getfixturevalue("bucket"))
        case "seaweedfs":
            weed: S3ObjectStore = request.getfixturevalue("weed")
            yield on_s3(request.getfixturevalue("weed_s3"), weed.bucket)
        case _:
            with mock_aws():
                moto = moto_client()
                moto.create_bucket(Bucket="contract")
                yield on_s3(moto, "contract")


@pytest.fixture
def store(subject: Subject) -> ObjectStore:
    return subject.store


def put_all(store: ObjectStore, *keys: str) -> None:
    for key in keys:
        store.put(key, b"{}", Overwrite())


def listed(store: ObjectStore, prefix: str, start_after: str = "") -> list[str]:
    return [info.key for info in store.list(prefix, start_after)]


def test_what_was_written_is_read_back(store: ObjectStore) -> None:
    etag = store.put("a.json", b"body", Create())
    found = store.get("a.json")
    assert (found.body, found.info.key, found.info.size_bytes, found.info.etag) == (
        b"body",
        "a.json",
        4,
        etag,
    )
    assert found.info.modified.tzinfo is not None


def test_head_and_list_tell_what_get_tells(store: ObjectStore) -> None:
    store.put("a.json", b"body", Create())
    told = store.get("a.json").info
    for info in (store.head("a.json"), *store.list("")):
        assert (info.key, info.size_bytes, info.etag) == (told.key, told.size_bytes, told.etag)


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.put("empty", b"", Create())
    assert store.get("empty").body == b""


def test_an_object_that_is_not_there_is_not_found(store: ObjectStore) -> None:
    for read in (store.get, store.head):
        with pytest.raises(NotFound, match="object nothing"):
            read("nothing")


def test_create_leaves_an_object_as_it_is(store: ObjectStore) -> None:
    store.put("a", b"first", Create())
    with pytest.raises(PreconditionFailed, match="a is not in the expected state"):
        store.put("a", b"second", Create())
    assert store.get("a").body == b"first"


def test_overwrite_writes_whatever_is_there(store: ObjectStore) -> None:
    store.put("a", b"first", Overwrite())
    store.put("a", b"second", Overwrite())
    assert store.get("a").body == b"second"


def test_update_writes_over_the_version_that_it_names(store: ObjectStore) -> None:
    etag = store.put("a", b"first", Create())
    newer = store.put("a", b"second", Update(etag))
    assert newer != etag
    assert store.get("a").body == b"second"


def test_update_of_an_older_version_fails(store: ObjectStore) -> None:
    etag = store.put("a", b"first", Create())
    store.put("a", b"second", Update(etag))
    with pytest.raises(PreconditionFailed):
        store.put("a", b"third", Update(etag))
    assert store.get("a").body == b"second"


def test_update_of_an_absent_object_fails_as_any_lost_race_does(store: ObjectStore) -> None:
    with pytest.raises(PreconditionFailed):
        store.put("a", b"first", Update('"0123456789abcdef0123456789abcdef"'))
    with pytest.raises(NotFound):
        store.get("a")


def test_a_listing_is_in_the_order_of_its_keys(store: ObjectStore) -> None:
    put_all(store, "p/b", "p/a", "p/B", "p/a/c", "p/é", "p/10", "p/9", "q/a")
    assert listed(store, "p/") == ["p/10", "p/9", "p/B", "p/a", "p/a/c", "p/b", "p/é"]


def test_a_listing_starts_after_a_key_whether_it_is_there_or_not(store: ObjectStore) -> None:
    put_all(store, "p/1", "p/2", "p/3")
    assert listed(store, "p/", "p/1") == ["p/2", "p/3"]
    assert listed(store, "p/", "p/15") == ["p/2", "p/3"]
    assert listed(store, "p/", "p/3") == []


def test_a_prefix_that_nothing_starts_with_lists_nothing(store: ObjectStore) -> None:
    put_all(store, "p/1")
    assert listed(store, "x/") == []
    assert list(store.folders("x/")) == []


def test_folders_are_the_distinct_next_segments(store: ObjectStore) -> None:
    put_all(store, "b/room.json", "a/room.json", "a/models/m/x", "a/models/n/x", "a/jobs/j/x", "alone")
    assert list(store.folders()) == ["a", "b"]
    assert list(store.folders("a/")) == ["jobs", "models"]
    assert list(store.folders("a/models/")) == ["m", "n"]


def test_user_metadata_comes_with_head_and_get(subject: Subject) -> None:
    subject.place("data", b"bytes", {"upload-id": "lab-1"})
    assert subject.store.head("data").metadata == {"upload-id": "lab-1"}
    assert subject.store.get("data").info.metadata == {"upload-id": "lab-1"}


def test_what_is_put_without_metadata_has_none(store: ObjectStore) -> None:
    store.put("a", b"", Create())
    assert store.head("a").metadata == {}
