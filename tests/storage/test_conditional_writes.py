"""A store that ignores conditions is refused before anything is entrusted to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.fault_proxy import FaultProxy, LoseReply

from sleap_rtc.storage.conditional_writes import ConditionsIgnored, check_conditional_writes
from sleap_rtc.storage.errors import NotFound, Unreachable
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.object_store import Create, Overwrite, PutMode, Update
from sleap_rtc.storage.s3_store import S3ObjectStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_s3 import S3Client


class CarelessStore(MemoryObjectStore):
    """Takes the conditions of one mode and does not look at them, as some S3 gateways do."""

    def __init__(self, ignored: type[Create | Update]) -> None:
        super().__init__()
        self._ignored = ignored

    def place(self, key: str, body: bytes, mode: PutMode, metadata: Mapping[str, str]) -> str:
        return super().place(key, body, Overwrite() if isinstance(mode, self._ignored) else mode, metadata)


def test_a_store_that_keeps_the_rules_is_taken_and_left_empty(s3: S3Client, bucket: str) -> None:
    for store in (MemoryObjectStore(), S3ObjectStore(s3, bucket)):
        check_conditional_writes(store, bucket)
        assert list(store.list("")) == []


@pytest.mark.parametrize(("ignored", "header"), [(Create, "If-None-Match"), (Update, "If-Match")])
def test_a_store_that_ignores_a_condition_is_refused_and_left_empty(
    ignored: type[Create | Update], header: str
) -> None:
    store = CarelessStore(ignored)
    with pytest.raises(ConditionsIgnored, match=f"bucket rooms ignores {header}, .*Use a store that honours"):
        check_conditional_writes(store, "rooms")
    assert list(store.list("")) == []


def test_lost_replies_are_no_reason_to_refuse_a_store(
    proxy: FaultProxy, far_s3: S3Client, bucket: str
) -> None:
    for _ in range(2):
        proxy.script(r"PUT .*\.probe/", LoseReply())
    check_conditional_writes(S3ObjectStore(far_s3, bucket), bucket)


def test_a_bucket_that_is_not_there_is_named(s3: S3Client) -> None:
    with pytest.raises(NotFound, match="There is no bucket nowhere"):
        check_conditional_writes(S3ObjectStore(s3, "nowhere"), "nowhere")


def test_a_store_that_does_not_answer_says_so() -> None:
    class Silent(MemoryObjectStore):
        def place(self, key: str, body: bytes, mode: PutMode, metadata: Mapping[str, str]) -> str:
            raise Unreachable(where="The object store", why="connection refused")

    with pytest.raises(Unreachable):
        check_conditional_writes(Silent(), "rooms")
