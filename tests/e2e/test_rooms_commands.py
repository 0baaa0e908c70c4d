"""`sleap-rtc rooms` as a lab has it: one opens a room, others come in by what they were sent, and leave."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest
from support.fault_proxy import FaultProxy, LoseReply
from support.running import Running

from sleap_rtc.client.service_client import ServiceClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.product import Product, Said


class Person:
    """Somebody at a terminal."""

    def __init__(self, product: Product, subject: str) -> None:
        self._product = product
        token = product.stack.issuer.token(subject)
        self.token = {"SLEAP_RTC_TOKEN": token}
        self.service = ServiceClient(product.stack.service_url, token)

    def rooms(self, *arguments: str, **environment: str) -> Said:
        return self._product.run("rooms", *arguments, **{**self.token, **environment})

    def json(self, *arguments: str) -> Any:
        return self.rooms(*arguments, "--json").json()


@pytest.fixture(scope="module")
def ada(product: Product) -> Person:
    return Person(product, "ada")


@pytest.fixture(scope="module")
def bob(product: Product) -> Person:
    return Person(product, "auth0|bob")


@pytest.fixture
def room(ada: Person) -> str:
    return ada.service.create_room("Mouse lab").room_id


@pytest.fixture(scope="module")
def one_room(ada: Person) -> str:
    """Return a room for tests that change nothing."""
    return ada.service.create_room("Mouse lab").room_id


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    # Who starts the tests in the background has them ignore Ctrl-C, and their children with them.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def sent(invited: Said) -> str:
    """Return what is to be pasted, of what an invitation prints."""
    assert invited.status == 0, invited.err
    (line,) = (line for line in invited.out.splitlines() if line.startswith("sleap-rtc rooms join "))
    return line.removeprefix("sleap-rtc rooms join ")


def test_a_colleague_pastes_the_command_works_and_leaves(ada: Person, bob: Person, room: str) -> None:
    invitation = sent(ada.rooms("invite", "-r", room, "--expires", "12h"))
    joined = bob.rooms("join", invitation)
    assert (joined.status, joined.out) == (0, f"You are member of room {room} (Mouse lab).\n")
    assert [found["room_id"] for found in bob.json("ls")] == [room]
    promoted = ada.rooms("members", "-r", room, "--set-role", "auth0|bob=reader")
    assert promoted.out == f"auth0|bob is reader of room {room} now.\n"
    left = bob.rooms("leave", "-r", room)
    assert (left.status, "Only a new invitation brings you back" in left.out) == (0, True)
    assert [member["subject"] for member in ada.json("members", "-r", room)] == ["ada"]
    assert bob.rooms("join", invitation).status == 3


def test_a_room_is_shown_with_members_invitations_workers_and_its_trail(
    ada: Person, bob: Person, room: str
) -> None:
    bob.rooms("join", sent(ada.rooms("invite", "-r", room, "--role", "owner")))
    secret = sent(ada.rooms("invite", "-r", room, "--uses", "5")).rpartition(".")[2]
    told = bob.rooms("show", "-r", room).out
    for text in (
        "Mouse lab, since",
        "you are owner",
        "auth0|bob  owner",
        "0 of 5",
        "No worker takes jobs",
        "ada: the room was opened as Mouse lab",
        "auth0|bob: auth0|bob joined by invitation",
    ):
        assert text in told
    assert secret not in told
    shown = ada.json("show", "-r", room, "--trail", "1")
    assert [line["kind"] for line in shown["trail"]] == ["invited"]
    assert [found["uses"] for found in shown["invitations"]] == [5]
    taken = ada.rooms("invite", "-r", room, "--revoke", shown["invitations"][0]["invitation_id"])
    assert (taken.status, "lets nobody in any more" in taken.out) == (0, True)
    assert ada.json("show", "-r", room)["invitations"] == []


def test_whoever_watches_hears_of_members_and_jobs(
    product: Product, ada: Person, bob: Person, room: str
) -> None:
    lines = Running(product, "rooms", "watch", "-r", room, **ada.token)
    records = Running(product, "rooms", "watch", "-r", room, "--json", "--since", "1h", **ada.token)
    with lines, records:
        bob.rooms("join", sent(ada.rooms("invite", "-r", room)))
        lines.says("auth0|bob: auth0|bob joined by invitation")
        ada.rooms("rename", "Rat lab", "-r", room)
        records.says("the room is called Rat lab now")
        assert [lines.ctrl_c(), records.ctrl_c()] == [130, 130]
    told = [(event["about"], event["state"], event["by"]) for event in records.told("event")]
    assert told == [
        ("room", "invited", "ada"),
        ("room", "joined", "auth0|bob"),
        ("room", "renamed", "ada"),
    ]
    with Running(product, "rooms", "watch", "-r", room, "--last", "1", **ada.token) as later:
        later.says("the room is called Rat lab now")
        ada.rooms("rename", "Fly lab", "-r", room)
        later.says("the room is called Fly lab now")
    assert len(later.lines) == 2


def test_who_is_removed_is_told_so_while_he_watches(
    product: Product, ada: Person, bob: Person, room: str
) -> None:
    bob.rooms("join", sent(ada.rooms("invite", "-r", room)))
    with Running(product, "rooms", "watch", "-r", room, **bob.token) as watching:
        watching.says("joined")
        ada.rooms("members", "-r", room, "--remove", "auth0|bob")
        status, sentence = watching.ended()
    assert (status, f"There is no room {room}" in sentence) == (4, True)


def test_a_room_is_named_by_its_name_where_that_says_which(product: Product, ada: Person) -> None:
    room = ada.json("create", "The only one")["room_id"]
    assert ada.json("show", "-r", "The only one")["room_id"] == room
    assert product.run("jobs", "ls", "-r", "The only one", **ada.token).status == 0
    ada.rooms("create", "The only one")
    refused = ada.rooms("show", "-r", "The only one")
    assert refused.status == 3
    assert refused.sentence.startswith("sleap-rtc: More than one of your rooms is called The only one: ")


def test_a_room_whose_reply_is_lost_is_opened_once(product: Product, ada: Person) -> None:
    before = len(ada.json("ls"))
    with FaultProxy(product.stack.service_url) as proxy:
        proxy.script("POST .*/rooms", LoseReply())
        said = ada.rooms("create", "Once", SLEAP_RTC_BACKEND_API_URL=proxy.url)
        assert proxy.count("POST .*/rooms") == 2
    assert (said.status, len(ada.json("ls"))) == (0, before + 1)


@pytest.mark.parametrize(
    ("command", "status", "sentence"),
    [
        (("join", "nonsense"), 3, "This invitation is not valid (any more): ask for a new one."),
        (("join", "x" * 300), 3, "This invitation is not valid (any more): ask for a new one."),
        (("invite", "-r", "ROOM", "--expires", "soon"), 3, "--expires takes a time such as 7d"),
        (("invite", "-r", "ROOM", "--expires", "31d"), 3, "good for 1min to 30d, not for 31d"),
        (("invite", "-r", "ROOM", "--revoke", "abc"), 4, "There is no invitation abc to room"),
        (("members", "-r", "ROOM", "--set-role", "ada"), 3, "--set-role takes NAME=ROLE"),
        (("members", "-r", "ROOM", "--set-role", "ada=king"), 3, "owner, member, reader"),
        (("members", "-r", "ROOM", "--set-role", "eve=owner"), 4, "There is no member eve of room"),
        (("members", "-r", "ROOM", "--set-role", "ada=reader"), 3, "ada is the last owner of room"),
        (("members", "-r", "ROOM", "--remove", "eve"), 4, "There is no member eve of room"),
        (("leave", "-r", "ROOM"), 3, "ada is the last owner of room"),
        (("create", "two\nlines"), 3, "A room's name has 1 to 128 characters"),
        (("show", "-r", "no such room"), 3, "'no such room' is not a room id"),
        (("watch", "-r", "00000000"), 4, "There is no room 00000000"),
        (("watch", "-r", "ROOM", "--since", "1 fortnight"), 3, "--since takes a time such as"),
    ],
)
def test_a_mistake_is_one_sentence(
    ada: Person, one_room: str, command: tuple[str, ...], status: int, sentence: str
) -> None:
    said = ada.rooms(*(one_room if word == "ROOM" else word for word in command))
    assert (said.status, sentence in said.sentence) == (status, True), said.sentence


def test_only_owners_invite(ada: Person, bob: Person, room: str) -> None:
    bob.rooms("join", sent(ada.rooms("invite", "-r", room)))
    for command in (("invite",), ("rename", "Bob's"), ("members", "--remove", "ada")):
        refused = bob.rooms(*command, "-r", room)
        assert (refused.status, f"Only an owner of room {room} may do that" in refused.sentence) == (9, True)
