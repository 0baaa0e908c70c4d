"""Who may enter a room."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from sleap_rtc.storage.room import Room

ROOM = Room(
    room_id="lab",
    name="The lab",
    created_by="ada",
    created_at=datetime(2026, 11, 3, tzinfo=UTC),
    members={"ada": "owner", "bob": "reader"},
)


def test_a_member_has_the_role_that_the_record_gives() -> None:
    assert (ROOM.role_of("ada"), ROOM.role_of("bob")) == ("owner", "reader")


def test_a_stranger_has_no_role() -> None:
    assert ROOM.role_of("eve") is None


def test_there_are_no_other_roles() -> None:
    with pytest.raises(ValidationError):
        Room.model_validate_json(ROOM.model_dump_json().replace("reader", "king"))
