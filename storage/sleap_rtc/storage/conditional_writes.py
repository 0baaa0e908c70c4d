"""Orchestration: does a store honour conditional writes?

Some stores accept the headers If-None-Match and If-Match and ignore them; on these, writers would silently
overwrite each other. So a service asks once, when it starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ulid import ULID

from sleap_rtc.storage.errors import ExitCode, NotFound, PreconditionFailed, StoreError
from sleap_rtc.storage.object_store import Create, Overwrite, Update

if TYPE_CHECKING:
    from sleap_rtc.storage.object_store import ObjectStore, PutMode

PROBE_PREFIX = ".probe/"


class ConditionsIgnored(StoreError):
    """The store of the bucket {bucket} ignores {header}, so that writers would overwrite each other's rooms
    and jobs. Use a store that honours conditional writes, such as S3, or a newer version of this one."""

    exit_code = ExitCode.REFUSED
    bucket: str
    header: str


def check_conditional_writes(store: ObjectStore, bucket: str) -> None:
    """Write an object that has to be refused in two ways, and remove it again. Cost: five requests.

    Args:
        store: the bucket.
        bucket: its name, for the message.

    Raises:
        ConditionsIgnored: the store wrote what it had to refuse.
        NotFound: there is no such bucket.
        Unreachable: it does not answer.
        Refused: it does not let us write or delete there.
    """
    key = f"{PROBE_PREFIX}{ULID()}"
    try:
        stale = store.put(key, b"1", Overwrite())
    except NotFound:
        raise NotFound(what=f"bucket {bucket}") from None
    try:
        if _is_written(store, key, b"2", Create()):
            raise ConditionsIgnored(bucket=bucket, header="If-None-Match")
        store.put(key, b"3", Overwrite())
        if _is_written(store, key, b"4", Update(stale)):
            raise ConditionsIgnored(bucket=bucket, header="If-Match")
    finally:
        store.delete(key)


def _is_written(store: ObjectStore, key: str, body: bytes, mode: PutMode) -> bool:
    try:
        store.put(key, body, mode)
    except PreconditionFailed:
        return False
    return True
