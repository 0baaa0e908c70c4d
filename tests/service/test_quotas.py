"""Quotas of open uploads: of a person and of a room, whichever instance is asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.events.api import RequestUpload
from sleap_rtc.service.errors import QuotaExceeded
from sleap_rtc.service.quotas import Quota, Quotas
from sleap_rtc.storage.errors import Refused
from sleap_rtc.storage.keys import QUOTAS_PREFIX, UploadKey
from sleap_rtc.storage.memory_store import MemoryObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.product import Product

MIB = 1024 * 1024
NO_LIMIT = Quota(0, 0)


@pytest.fixture(scope="module")
def strict(product: Product) -> Iterator[str]:
    """A service that lets a person have two uploads open and a room three, of 1,000 bytes together."""
    child, url = product.stack.service(
        "strict",
        SLEAP_RTC_USER_OPEN_UPLOADS="2",
        SLEAP_RTC_ROOM_OPEN_UPLOADS="3",
        SLEAP_RTC_ROOM_OPEN_BYTES="1000",
    )
    yield url
    child.stop()
    product.stack.children.remove(child)


def client(product: Product, url: str, subject: str) -> ServiceClient:
    return ServiceClient(url, product.stack.issuer.token(subject))


def upload_to(room_id: str, size_bytes: int = 10) -> RequestUpload:
    return RequestUpload(room_id=room_id, file_name="d.zip", size_bytes=size_bytes, part_size_bytes=5 * MIB)


def test_who_has_too_many_open_is_told_which_to_abort_and_goes_on_then(product: Product, strict: str) -> None:
    ada = client(product, strict, "ada")
    rooms = [ada.create_room(name).room_id for name in ("One", "Two", "Three")]
    first, _ = (ada.request_upload(upload_to(room)).upload_id for room in rooms[:2])
    with pytest.raises(Refused, match="You have 2 uploads open") as refused:
        ada.request_upload(upload_to(rooms[2]))
    assert f"`sleap-rtc uploads abort`): {first} (10 bytes)" in str(refused.value)
    ada.abort_upload(first)
    assert ada.request_upload(upload_to(rooms[2])).upload_id
    assert client(product, product.stack.service_url, "ada").request_upload(upload_to(rooms[2])).upload_id


def test_a_room_has_a_quota_of_bytes(product: Product, strict: str) -> None:
    ben = client(product, strict, "ben")
    room = ben.create_room("Ours").room_id
    kept = ben.request_upload(upload_to(room, 600)).upload_id
    with pytest.raises(Refused, match=f"The room has 1 uploads open already, of 600 bytes.*{kept}"):
        ben.request_upload(upload_to(room, 401))
    with pytest.raises(Refused, match="this one alone is too large"):
        ben.request_upload(upload_to(ben.create_room("Another").room_id, 1001))
    assert ben.request_upload(upload_to(room, 400)).upload_id
    assert not [each for each in product.objects("sleap-rtc-rooms").list(QUOTAS_PREFIX) if "/401" in each.key]


def upload(number: int) -> UploadKey:
    return UploadKey("r", f"r-01JD00000000000000000000{number:02d}")


def test_of_a_crowd_never_more_come_in_than_there_are_places() -> None:
    quotas = Quotas(MemoryObjectStore(), Quota(5, 0), NO_LIMIT, lambda _: True)

    def take(number: int) -> bool:
        try:
            quotas.take(upload(number), 1, "ada")
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        came_in = sum(pool.map(take, range(40)))
    assert came_in <= 5
    assert sum(take(number) for number in range(50, 60)) == 5 - came_in


def test_a_mark_that_somebody_left_behind_counts_no_more() -> None:
    ended = {upload(1)}
    quotas = Quotas(MemoryObjectStore(), Quota(2, 0), NO_LIMIT, lambda each: each not in ended)
    for number in (1, 2, 3):
        quotas.take(upload(number), 1, "ada")
    with pytest.raises(QuotaExceeded):
        quotas.take(upload(4), 1, "ada")


def test_giving_a_place_back_twice_is_harmless_and_others_keep_theirs() -> None:
    quotas = Quotas(MemoryObjectStore(), Quota(1, 0), NO_LIMIT, lambda _: True)
    quotas.take(upload(1), 1, "ada")
    quotas.take(upload(2), 1, "ben")
    quotas.give_back(upload(1), 1, "ada")
    quotas.give_back(upload(1), 1, "ada")
    quotas.take(upload(3), 1, "ada")
    with pytest.raises(QuotaExceeded):
        quotas.take(upload(4), 1, "ben")
