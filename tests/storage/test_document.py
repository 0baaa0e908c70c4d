"""Documents that several writers change: nothing is lost, done twice, or foreign and yet touched."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support.fault_proxy import FaultProxy, First, LoseReply, s3_error

from sleap_rtc.storage.document import Document, Documents, DocumentUnreadable
from sleap_rtc.storage.errors import NotFound, PreconditionFailed
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.s3_store import S3ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_s3 import S3Client

KEY = "lab/list.json"
READ, WRITE = f"GET .*{KEY}", f"PUT .*{KEY}"


class Names(Document):
    schema_version: int = 2
    names: tuple[str, ...] = ()


def adding(name: str) -> Callable[[Names], Names]:
    """Return a change that may be applied twice, as all of ours may."""
    return lambda before: (
        before if name in before.names else before.model_copy(update={"names": (*before.names, name)})
    )


@pytest.fixture
def memory() -> MemoryObjectStore:
    return MemoryObjectStore()


@pytest.fixture
def far(far_s3: S3Client, bucket: str) -> Documents[Names]:
    """Return documents that lie behind the proxy."""
    return Documents(S3ObjectStore(far_s3, bucket), Names)


def near(store: MemoryObjectStore | S3ObjectStore) -> Documents[Names]:
    return Documents(store, Names)


def names_in(store: MemoryObjectStore | S3ObjectStore) -> tuple[str, ...]:
    return near(store).read(KEY).value.names


def test_a_change_makes_the_first_version_and_then_the_next(memory: MemoryObjectStore) -> None:
    near(memory).change(KEY, adding("a"), start=Names)
    written = near(memory).change(KEY, adding("b"))
    assert near(memory).read(KEY) == written
    assert written.value.names == ("a", "b")


def test_every_write_has_an_id_of_its_own(memory: MemoryObjectStore) -> None:
    ids = {near(memory).change(KEY, adding(name), start=Names).value.write_id for name in "abc"}
    assert len(ids) == 3
    assert "" not in ids


def test_a_change_that_changes_nothing_writes_nothing(memory: MemoryObjectStore) -> None:
    written = near(memory).change(KEY, adding("a"), start=Names)
    assert near(memory).change(KEY, adding("a")) == written


def test_a_change_of_a_document_that_is_not_there_needs_a_start(memory: MemoryObjectStore) -> None:
    with pytest.raises(NotFound):
        near(memory).change(KEY, adding("a"))


def test_create_tells_whether_the_document_is_ours(memory: MemoryObjectStore) -> None:
    assert near(memory).create(KEY, Names(names=("a",)))
    assert not near(memory).create(KEY, Names(names=("b",)))
    assert names_in(memory) == ("a",)


def test_replace_writes_over_the_held_version_only(memory: MemoryObjectStore) -> None:
    held = near(memory).change(KEY, adding("a"), start=Names)
    newer = near(memory).replace(KEY, held, Names(names=("b",)))
    with pytest.raises(PreconditionFailed):
        near(memory).replace(KEY, held, Names(names=("c",)))
    assert near(memory).read(KEY) == newer


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "it is no JSON, or not all of it is there"),
        (b"", "it is no JSON, or not all of it is there"),
        (b"\xff\xfe", "it is no JSON, or not all of it is there"),
        (b'{"names": 7}', "names: Input should be a valid"),
        (b'{"schema_version": 3, "names": []}', "schema version 3"),
    ],
    ids=["torn", "empty", "no text", "wrong type", "newer"],
)
def test_a_document_that_cannot_be_read_is_left_as_it_is(
    memory: MemoryObjectStore, body: bytes, why: str
) -> None:
    memory.put(KEY, body, Overwrite())
    for use in (near(memory).read, lambda key: near(memory).change(key, adding("a"), start=Names)):
        with pytest.raises(DocumentUnreadable, match=why):
            use(KEY)
    assert memory.get(KEY).body == body


def test_an_older_schema_is_read_and_unknown_fields_are_no_trouble(memory: MemoryObjectStore) -> None:
    memory.put(KEY, json.dumps({"schema_version": 1, "names": ["a"], "new": 1}).encode(), Overwrite())
    assert names_in(memory) == ("a",)


def test_concurrent_writers_lose_nothing(s3: S3Client, bucket: str) -> None:
    store = S3ObjectStore(s3, bucket)

    def write_five(writer: int) -> None:
        for turn in range(5):
            near(store).change(KEY, adding(f"{writer}-{turn}"), start=Names)

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(write_five, range(8)))
    assert sorted(names_in(store)) == sorted(f"{writer}-{turn}" for writer in range(8) for turn in range(5))


def test_concurrent_writers_whose_replies_get_lost_lose_nothing(
    proxy: FaultProxy, far: Documents[Names], s3: S3Client, bucket: str
) -> None:
    for _ in range(4):
        proxy.script(WRITE, LoseReply(), First(lambda: None))

    def write_three(writer: int) -> None:
        for turn in range(3):
            far.change(KEY, adding(f"{writer}-{turn}"), start=Names)

    with ThreadPoolExecutor(3) as writers:
        list(writers.map(write_three, range(3)))
    found = names_in(S3ObjectStore(s3, bucket))
    assert sorted(found) == [f"{writer}-{turn}" for writer in range(3) for turn in range(3)]


def test_only_one_of_many_creates_the_document(s3: S3Client, bucket: str) -> None:
    store = S3ObjectStore(s3, bucket)
    with ThreadPoolExecutor(8) as writers:
        ours = list(writers.map(lambda n: near(store).create(KEY, Names(names=(str(n),))), range(8)))
    assert [str(n) for n, mine in enumerate(ours) if mine] == list(names_in(store))


def test_a_create_whose_reply_was_lost_is_recognised_as_ours(
    proxy: FaultProxy, far: Documents[Names]
) -> None:
    proxy.script(WRITE, LoseReply())
    assert far.create(KEY, Names(names=("a",)))
    assert proxy.count(WRITE) == 2


def test_a_change_whose_reply_was_lost_is_made_once(proxy: FaultProxy, far: Documents[Names]) -> None:
    far.create(KEY, Names(names=("a",)))
    proxy.script(WRITE, LoseReply())
    written = far.change(KEY, adding("b"))
    assert (proxy.count(WRITE), proxy.count(READ)) == (3, 2)
    assert far.read(KEY) == written
    assert written.value.names == ("a", "b")


def test_a_replacement_whose_reply_was_lost_is_recognised_as_ours(
    proxy: FaultProxy, far: Documents[Names]
) -> None:
    held = far.change(KEY, adding("a"), start=Names)
    proxy.script(WRITE, LoseReply())
    replaced = far.replace(KEY, held, Names(names=("b",)))
    assert far.read(KEY) == replaced


def test_a_conflict_of_writers_repeats_the_same_write_without_reading_again(
    proxy: FaultProxy, far: Documents[Names]
) -> None:
    proxy.script(WRITE, s3_error(409, "ConditionalRequestConflict"), times=2)
    assert far.create(KEY, Names(names=("a",)))
    assert (proxy.count(WRITE), proxy.count(READ)) == (3, 0)


def test_a_change_goes_on_from_what_a_faster_writer_wrote(
    proxy: FaultProxy, far: Documents[Names], s3: S3Client, bucket: str
) -> None:
    faster = near(S3ObjectStore(s3, bucket))
    faster.create(KEY, Names())
    proxy.script(WRITE, First(lambda: faster.change(KEY, adding("theirs"))))
    assert far.change(KEY, adding("ours")).value.names == ("theirs", "ours")


def test_a_change_starts_over_where_the_document_was_removed_meanwhile(
    proxy: FaultProxy, far: Documents[Names], s3: S3Client, bucket: str
) -> None:
    far.create(KEY, Names(names=("old",)))
    proxy.script(WRITE, First(lambda: s3.delete_object(Bucket=bucket, Key=KEY)))
    assert far.change(KEY, adding("new"), start=Names).value.names == ("new",)
