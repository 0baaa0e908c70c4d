"""Orchestration: what was made for which idempotency key, so that a request whose reply was lost makes no
second thing.

A receipt lies in the rooms bucket, so any instance finds it. It has a digest of the request, never the
request itself, and the answer where that holds no secret. Keys of one person and one operation are told
apart from all others.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Header
from pydantic import BaseModel

from sleap_rtc.service.errors import KeyReused
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Document, Documents
from sleap_rtc.storage.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.service.identity import Caller
    from sleap_rtc.storage.object_store import ObjectStore

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{0,128}$",
        description="Made up by the client, and sent again with the same request where its reply was lost.",
    ),
]
M = TypeVar("M", bound=BaseModel)


class Receipt(Document):
    """`.receipts/{digest}.json`. `answer` is None where the thing is found by its key in another way."""

    request: str
    at: datetime
    answer: str | None = None


class Receipts:
    """The receipts of everybody.

    Args:
        store: the rooms bucket.
        now: the time.
    """

    def __init__(self, store: ObjectStore, now: Callable[[], datetime]) -> None:
        self._receipts = Documents(store, Receipt)
        self._now = now

    def once(
        self,
        caller: Caller,
        operation: str,
        key: str,
        request: BaseModel,
        kind: type[M],
        make: Callable[[], M],
    ) -> M:
        """Make something, or return what was made for this key before; without a key it is always made.

        Of two that come at once both may make something, and both get the answer of the first to have done
        so: what the other one made is named to nobody and has to go away by itself, as an unfinished upload
        does.

        Args:
            caller: whose key it is.
            operation: what is asked for, and where.
            key: of the request, "" for none.
            request: everything that makes one request another one.
            kind: of the answer, which holds no secret.
            make: makes it.

        Raises:
            KeyReused: the key was used for another request.
        """
        if not key:
            return make()
        place, digest = _place(caller, operation, key), _digest(request)
        before = self._read(place)
        if before is None:
            made = make()
            receipt = Receipt(request=digest, at=self._now(), answer=made.model_dump_json())
            if self._receipts.create(place, receipt):
                return made
            before = self._read(place) or receipt
        if before.request != digest or before.answer is None:
            raise KeyReused
        return kind.model_validate_json(before.answer)

    def claim(self, caller: Caller, operation: str, key: str, request: BaseModel) -> None:
        """Note what a key is used for, of something that the key itself makes one of.

        Raises:
            KeyReused: the key was used for another request.
        """
        if not key:
            return
        place, digest = _place(caller, operation, key), _digest(request)
        if self._receipts.create(place, Receipt(request=digest, at=self._now())):
            return
        before = self._read(place)
        if before is not None and before.request != digest:
            raise KeyReused

    def _read(self, place: str) -> Receipt | None:
        try:
            return self._receipts.read(place).value
        except NotFound:
            return None


def _place(caller: Caller, operation: str, key: str) -> str:
    named = f"{caller.subject}\0{operation}\0{key}"
    return keys.receipt_key(hashlib.sha256(named.encode()).hexdigest())


def _digest(request: BaseModel) -> str:
    return hashlib.sha256(request.model_dump_json().encode()).hexdigest()
