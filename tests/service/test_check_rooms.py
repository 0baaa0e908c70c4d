"""Rooms that are opened to check the service go again, and no others do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.events.room_api import Invite, JoinRoom
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import InputError, NotFound, Refused

if TYPE_CHECKING:
    from support.product import Product


def test_a_room_of_a_check_goes_with_all_that_is_in_it(product: Product) -> None:
    service = product.service
    room_id = service.create_room("A check", for_check=True).room_id
    assert keys.is_check_room(room_id)
    service.remove_check_room(room_id)
    with pytest.raises(NotFound):
        service.room(room_id)
    assert list(product.objects("sleap-rtc-rooms").list(keys.room_prefix(room_id))) == []


def test_a_room_that_people_work_in_stays(product: Product) -> None:
    service, room_id = product.service, product.new_room()
    with pytest.raises(InputError, match="was not opened by `sleap-rtc doctor`, so it is not removed"):
        service.remove_check_room(room_id)
    assert service.room(room_id).room_id == room_id


def test_nobody_but_its_owner_removes_a_room_of_a_check(product: Product) -> None:
    service = product.service
    room_id = service.create_room("A check", for_check=True).room_id
    guest = ServiceClient(product.stack.service_url, product.stack.issuer.token("guest"))
    with pytest.raises(NotFound):
        guest.remove_check_room(room_id)
    invitation = service.invite(room_id, Invite(role="member")).invitation
    guest.join(JoinRoom(invitation=invitation))
    with pytest.raises(Refused, match="Only an owner"):
        guest.remove_check_room(room_id)
    assert service.room(room_id).room_id == room_id
