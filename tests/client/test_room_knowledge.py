"""When a room is asked, and what is told of it when it does not answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from client.registry_vocabulary import NOON, A, B, in_room, room
from filelock import FileLock

from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.client.room_knowledge import ANY_AGE, ASK_NOW, RoomKnowledge, ensure_fresh
from sleap_rtc.storage.errors import NotFound, Unreachable

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.storage.manifest import Manifest

HOUR = timedelta(hours=1)


class MemoryRooms:
    """A service with one room, which can go away."""

    def __init__(self) -> None:
        self.room = room(in_room(A, "mice"))
        self.away = False
        self.questions: list[str] = []

    def manifest(self, room_id: str, *, patient: bool = True) -> Manifest:
        self.questions.append("patient" if patient else "in haste")
        if self.away:
            raise Unreachable(where="The service", why="connection refused")
        if room_id != self.room.room_id:
            raise NotFound(what=f"room {room_id}")
        return self.room


@pytest.fixture
def rooms() -> MemoryRooms:
    return MemoryRooms()


@pytest.fixture
def asked(registry: ClientModelRegistry, rooms: MemoryRooms) -> RoomKnowledge:
    """Ask the room at noon."""
    return ensure_fresh(registry, "lab", rooms, NOON, HOUR)


def test_a_room_that_nobody_asked_is_asked(
    registry: ClientModelRegistry, rooms: MemoryRooms, asked: RoomKnowledge
) -> None:
    assert (asked.view.manifest, asked.age, asked.asked, asked.note) == (rooms.room, timedelta(0), True, "")
    assert registry.last_refresh("lab") == NOON
    assert registry.resolve("mice") == A
    assert rooms.questions == ["patient"]


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("passed", "max_age", "questions"),
    [
        (HOUR, HOUR, 1),
        (HOUR + timedelta(seconds=1), HOUR, 2),
        (timedelta(0), ASK_NOW, 2),
        (timedelta(days=9999), ANY_AGE, 1),
        (-HOUR, ANY_AGE, 2),
    ],
)
def test_it_is_asked_again_only_if_the_answer_is_too_old(
    registry: ClientModelRegistry, rooms: MemoryRooms, passed: timedelta, max_age: timedelta, questions: int
) -> None:
    known = ensure_fresh(registry, "lab", rooms, NOON + passed, max_age)
    assert (len(rooms.questions), known.asked) == (questions, questions == 2)
    assert known.age == (timedelta(0) if known.asked else passed)


@pytest.mark.usefixtures("asked")
def test_without_the_service_the_last_answer_is_told_with_its_age(
    registry: ClientModelRegistry, rooms: MemoryRooms
) -> None:
    rooms.away, before = True, rooms.room
    rooms.room = room(in_room(B))
    known = ensure_fresh(registry, "lab", rooms, NOON + 3 * HOUR, HOUR)
    assert (known.view.manifest, known.offline) == (before, True)
    assert known.note == "as the room had it 3 hours ago; the service does not answer"
    assert registry.last_refresh("lab") == NOON
    assert rooms.questions == ["patient", "in haste"]


@pytest.mark.usefixtures("asked")
def test_an_age_that_the_clock_cannot_tell_is_not_made_up(
    registry: ClientModelRegistry, rooms: MemoryRooms
) -> None:
    rooms.away = True
    assert "at an unknown time" in ensure_fresh(registry, "lab", rooms, NOON - HOUR, HOUR).note


def test_without_the_service_a_room_that_was_never_asked_is_unreachable(
    registry: ClientModelRegistry, rooms: MemoryRooms
) -> None:
    rooms.away = True
    with pytest.raises(Unreachable):
        ensure_fresh(registry, "lab", rooms, NOON, HOUR)


@pytest.mark.usefixtures("asked")
def test_a_room_that_is_gone_is_not_shown_from_memory(
    registry: ClientModelRegistry, rooms: MemoryRooms
) -> None:
    rooms.room = room(room_id="another")
    with pytest.raises(NotFound):
        ensure_fresh(registry, "lab", rooms, NOON, ASK_NOW)


def test_an_answer_that_cannot_be_kept_is_told_all_the_same(rooms: MemoryRooms, path: Path) -> None:
    path.parent.mkdir()
    with FileLock(path.with_name("manifest.json.lock")):
        known = ensure_fresh(ClientModelRegistry(path, lock_timeout_s=0.05), "lab", rooms, NOON, HOUR)
    assert known.view.manifest == rooms.room
    assert "was in use by another program" in known.unkept
