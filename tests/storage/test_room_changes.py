"""Members, roles and invitations: there is always an owner, and nobody has more than he was given."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import reduce
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from storage.rooms import NOON

from sleap_rtc.storage import keys
from sleap_rtc.storage.change_log import Entry, Made, Revision
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import NotFound, SleapRtcError
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.room import (
    RANK,
    InvitationNotValid,
    InvitationRefused,
    LastOwner,
    OwnersOnly,
    Role,
    Room,
    RoomIdTaken,
    digest,
)
from sleap_rtc.storage.room_changes import (
    InvitationRevoked,
    Invited,
    Joined,
    MemberRemoved,
    Opened,
    Renamed,
    RoleChanged,
    RoomChange,
)
from sleap_rtc.storage.room_record import RoomRecord

GOLDEN = Path(__file__).parent / "golden"
SECRET = digest("open sesame")
WEEK = timedelta(days=7)
PEOPLE = ("ada", "bob", "cyd", "dan")
NAMES = {"ada": "Ada L.", "bob": "Bob", "cyd": "Cyd", "dan": "Dan"}
OPENED = Opened(name="The lab", by="ada", by_name="Ada L.", opening="one")


def invited(role: Role, name: str = "i1", by: str = "ada", uses: int = 1) -> Invited:
    return Invited(
        invitation_id=name, role=role, by=by, secret_sha256=SECRET, expires_at=NOON + WEEK, uses=uses
    )


def joined(who: str, name: str = "i1", secret: str = SECRET) -> Joined:
    return Joined(subject=who, name=NAMES[who], invitation_id=name, secret_sha256=secret)


def made(who: str, role: Role, by: str = "ada") -> RoleChanged:
    return RoleChanged(subject=who, name=NAMES[who], role=role, by=by)


def removed(who: str, by: str = "ada") -> MemberRemoved:
    return MemberRemoved(subject=who, name=NAMES[who], by=by)


def after(room: Room, change: RoomChange) -> Room:
    """Apply a change as the log does; what it raises is raised."""
    return change.apply(room, NOON).model_copy(update={"revision": room.revision + 1})


def room_after(*changes: RoomChange) -> Room:
    return reduce(after, (OPENED, *changes), Room.unopened("lab"))


LAB = room_after(invited("member", uses=2), joined("bob"), joined("cyd"))


def test_whoever_opens_a_room_owns_it() -> None:
    assert room_after().members == {"ada": "owner"}
    assert room_after().name_of("ada") == "Ada L."


def test_opening_again_with_the_same_request_is_harmless_and_with_another_one_refused() -> None:
    room = room_after()
    assert OPENED.apply(room, NOON) is room
    for other in ({"opening": "two"}, {"by": "bob"}):
        with pytest.raises(RoomIdTaken):
            OPENED.model_copy(update=other).apply(room, NOON)


def test_an_invitation_brings_the_role_that_it_says() -> None:
    room = room_after(invited("reader"), joined("bob"))
    assert room.role_of("bob") == "reader"
    assert (room.people["bob"].invited_by, room.people["bob"].since) == ("ada", NOON)


def test_joining_twice_is_harmless() -> None:
    assert joined("bob").apply(LAB, NOON + 2 * WEEK) is LAB


def test_joining_never_lowers_a_role_and_uses_nothing_up() -> None:
    room = room_after(invited("reader"))
    assert joined("ada").apply(room, NOON) is room


def test_joining_can_raise_a_role() -> None:
    assert after(after(LAB, invited("owner", "i2")), joined("bob", "i2")).role_of("bob") == "owner"


@pytest.mark.parametrize(
    ("room", "join"),
    [
        (LAB, joined("dan")),
        (room_after(), joined("dan")),
        (Room.unopened("lab"), joined("dan")),
        (room_after(invited("member")), joined("dan", secret=digest("open barley"))),
        (room_after(invited("member")), joined("dan", "i2")),
        (room_after(invited("member"), InvitationRevoked(invitation_id="i1", by="ada")), joined("dan")),
        (room_after(invited("member", uses=5), joined("dan"), removed("dan", by="dan")), joined("dan")),
    ],
    ids=["used up", "none", "no room", "secret", "unknown", "revoked", "left"],
)
def test_an_invitation_that_lets_nobody_in_does_not_say_why(room: Room, join: Joined) -> None:
    with pytest.raises(InvitationNotValid) as refused:
        join.apply(room, NOON)
    assert str(refused.value) == "This invitation is not valid (any more): ask for a new one."


def test_an_invitation_ends_on_the_second() -> None:
    room = room_after(invited("member"))
    assert joined("bob").apply(room, NOON + WEEK - timedelta(seconds=1)).role_of("bob")
    with pytest.raises(InvitationNotValid):
        joined("bob").apply(room, NOON + WEEK)


@pytest.mark.parametrize("wrong", [{"uses": 0}, {"uses": 1001}, {"days": 31}, {"days": 0}])
def test_an_invitation_without_bounds_is_refused(wrong: dict[str, int]) -> None:
    asked = invited("member", uses=wrong.get("uses", 1))
    asked = asked.model_copy(update={"expires_at": NOON + timedelta(days=wrong.get("days", 7))})
    with pytest.raises(InvitationRefused):
        asked.apply(room_after(), NOON)


def test_a_room_has_a_hundred_invitations_at_most_and_forgets_those_that_expired() -> None:
    full = room_after(*(invited("member", f"i{n}") for n in range(100)))
    with pytest.raises(InvitationRefused, match="100 at most"):
        invited("member", "more").apply(full, NOON)
    late = invited("member", "more").model_copy(update={"expires_at": NOON + 2 * WEEK})
    assert list(late.apply(full, NOON + WEEK).invitations) == ["more"]


@pytest.mark.parametrize(
    "change",
    [
        invited("reader", by="bob"),
        InvitationRevoked(invitation_id="i1", by="bob"),
        made("cyd", "reader", by="bob"),
        made("bob", "owner", by="bob"),
        removed("cyd", by="bob"),
        Renamed(name="Bob's", by="bob"),
    ],
)
def test_only_owners_invite_rename_remove_and_change_roles(change: RoomChange) -> None:
    with pytest.raises(OwnersOnly):
        change.apply(LAB, NOON)
    with pytest.raises((NotFound, OwnersOnly)):
        change.model_copy(update={"by": "a stranger"}).apply(LAB, NOON)


@pytest.mark.parametrize("change", [made("ada", "member"), removed("ada"), made("ada", "reader")])
def test_the_last_owner_neither_leaves_nor_becomes_less(change: RoomChange) -> None:
    with pytest.raises(LastOwner, match=r"Ada L\. is the last owner of room lab"):
        change.apply(LAB, NOON)
    assert change.apply(after(LAB, made("bob", "owner")), NOON).role_of("ada") != "owner"


def test_of_two_owners_who_remove_each_other_the_second_is_none_any_more() -> None:
    both = after(after(LAB, made("bob", "owner")), made("cyd", "owner"))
    with pytest.raises(NotFound):
        removed("ada", by="bob").apply(after(both, removed("bob")), NOON)
    with pytest.raises(OwnersOnly):
        removed("ada", by="bob").apply(after(both, made("bob", "member")), NOON)


def test_the_invitations_of_one_who_is_no_owner_any_more_let_nobody_in() -> None:
    room = after(after(LAB, made("bob", "owner")), invited("owner", "from bob", by="bob"))
    for change in (removed("bob"), made("bob", "member")):
        with pytest.raises(InvitationNotValid):
            joined("dan", "from bob").apply(after(room, change), NOON)


def test_who_was_lowered_is_not_raised_by_an_older_invitation() -> None:
    room = after(after(LAB, invited("member", "old", uses=9)), made("bob", "reader"))
    with pytest.raises(InvitationNotValid):
        joined("bob", "old").apply(room, NOON)
    assert after(after(room, invited("member", "new")), joined("bob", "new")).role_of("bob") == "member"


def test_who_left_keeps_his_name_and_has_no_role() -> None:
    left = after(LAB, removed("bob", by="bob"))
    assert (left.role_of("bob"), left.name_of("bob")) == (None, "Bob")
    assert removed("bob").apply(left, NOON) is left


def test_a_member_that_the_room_does_not_have_gets_no_role() -> None:
    with pytest.raises(NotFound, match="member dan of room lab"):
        made("dan", "owner").apply(LAB, NOON)


def test_an_invitation_that_is_made_again_has_the_newer_secret_alone() -> None:
    again = invited("member").model_copy(update={"secret_sha256": digest("newer")})
    room = room_after(invited("member"), again)
    with pytest.raises(InvitationNotValid):
        joined("bob").apply(room, NOON)
    assert after(room, joined("bob", secret=digest("newer"))).role_of("bob") == "member"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (OPENED, "the room was opened as The lab"),
        (Renamed(name="Mice", by="ada"), "the room is called Mice now"),
        (invited("member"), "one person was invited as member, until 2026-11-10 12:00 UTC (invitation i1)"),
        (invited("reader", uses=9), "up to 9 people were invited as reader, until 2026-11-10 12:00 UTC"),
        (InvitationRevoked(invitation_id="i1", by="ada"), "invitation i1 was taken back"),
        (joined("bob"), "Bob joined by invitation i1"),
        (made("bob", "owner"), "Bob is owner now"),
        (removed("bob"), "Bob was removed"),
        (removed("bob", by="bob"), "Bob left"),
    ],
)
def test_a_change_says_what_it_does_and_never_the_secret(change: RoomChange, words: str) -> None:
    assert change.words().startswith(words)
    assert SECRET not in change.words()


CHANGES = st.one_of(
    st.builds(invited, st.sampled_from(tuple(RANK)), st.sampled_from(("i1", "i2")), st.sampled_from(PEOPLE)),
    st.builds(joined, st.sampled_from(PEOPLE), st.sampled_from(("i1", "i2"))),
    st.builds(made, st.sampled_from(PEOPLE), st.sampled_from(tuple(RANK)), st.sampled_from(PEOPLE)),
    st.builds(removed, st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)),
    st.builds(InvitationRevoked, invitation_id=st.sampled_from(("i1", "i2")), by=st.sampled_from(PEOPLE)),
)


def given_by(room: Room, change: RoomChange) -> dict[str, int]:
    """Return what a change gives to whom if it is made: by an owner, or by an invitation of one."""
    match change:
        case RoleChanged() if room.role_of(change.by) == "owner":
            return {change.subject: RANK[change.role]}
        case Joined() if change.invitation_id in room.invitations:
            offered = room.invitations[change.invitation_id]
            return {change.subject: max(RANK[offered.role], RANK.get(room.members.get(change.subject), -1))}  # type: ignore[arg-type] # None is in no dict
        case MemberRemoved() if change.by in {change.subject} or room.role_of(change.by) == "owner":
            return {change.subject: -1}
    return {}


@given(st.lists(CHANGES, max_size=40))
def test_whatever_happens_there_is_an_owner_and_nobody_has_more_than_he_was_given(
    changes: list[RoomChange],
) -> None:
    room = room_after()
    most = {"ada": RANK["owner"]}
    for change in changes:
        before = room
        try:
            room = after(room, change)
        except SleapRtcError:
            continue
        most |= given_by(before, change)
        assert "owner" in room.members.values()
        assert all(RANK[role] <= most.get(who, -1) for who, role in room.members.items())
        assert all(len(found.used_by) <= found.uses for found in room.invitations.values())
        assert set(room.members) <= set(room.people)


def redone(room: Room, told: Revision[RoomChange]) -> Room:
    """Return the room after what its history tells of one revision."""
    after = told.change.apply(room, told.at)
    return after.model_copy(update={"revision": told.revision, "updated_at": told.at})


@given(st.lists(CHANGES, max_size=20))
def test_the_log_makes_the_same_room_again(changes: list[RoomChange]) -> None:
    store = MemoryObjectStore()
    record = RoomRecord("lab", store)
    room = record.change(OPENED, "ada", NOON)
    for change in changes:
        try:
            room = record.change(change, "somebody", NOON)
        except SleapRtcError:
            continue
    store.delete(keys.room_key("lab"))
    told = reduce(redone, record.history(100)[::-1], Room.unopened("lab"))
    assert told == room.model_copy(update={"write_id": told.write_id})


def test_the_view_shows_a_change_before_it_is_acknowledged() -> None:
    store = MemoryObjectStore()
    RoomRecord("lab", store).change(OPENED, "ada", NOON)
    assert Documents(store, Room).read(keys.room_key("lab")).value.members == {"ada": "owner"}


def test_a_room_and_an_entry_of_its_log_are_as_they_always_were() -> None:
    fixed = {"write_id": "01J00000000000000000000000", "updated_at": NOON}
    room = after(LAB, made("bob", "reader")).model_copy(update=fixed)
    change = joined("bob")
    done = (Made[RoomChange](by="bob", change=change),)
    entry = Entry[RoomChange](write_id=fixed["write_id"], revision=3, at=NOON, made=done)
    assert json.loads((GOLDEN / "room.json").read_text("utf-8")) == room.model_dump(mode="json")
    assert json.loads((GOLDEN / "room_log_entry.json").read_text("utf-8")) == entry.model_dump(mode="json")
    assert Room.model_validate_json((GOLDEN / "room.json").read_bytes()) == room
    assert TypeAdapter(RoomChange).validate_json(change.model_dump_json()) == change
