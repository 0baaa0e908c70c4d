"""Rooms and their members over HTTP: two services on one store, and people who try what they should not."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import urllib3

from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.object_store import Create

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.product import Product

ROOMS = "sleap-rtc-rooms"
WEEK_S = 7 * 86_400
NOT_VALID = "This invitation is not valid (any more): ask for a new one."


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any

    @property
    def problem(self) -> tuple[int, str]:
        return self.status, self.body["code"]


class Somebody:
    """Somebody who calls one of the services."""

    def __init__(self, url: str, token: str, subject: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.subject = subject

    def call(self, method: str, path: str, **body: Any) -> Answer:
        content = json.dumps(body) if body else None
        reply = urllib3.request(
            method, f"{self._url}/api{path}", headers=self._headers, body=content, retries=False
        )
        return Answer(reply.status, json.loads(reply.data))

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def post(self, path: str, **body: Any) -> Answer:
        return self.call("POST", path, **body)

    def opens(self, name: str = "The lab") -> str:
        return str(self.post("/rooms", name=name).body["room_id"])

    def invites(self, room: str, role: str = "member", **asked: Any) -> str:
        return str(self.post(f"/rooms/{room}/invitations", role=role, **asked).body["invitation"])

    def joins(self, invitation: str) -> Answer:
        return self.post("/join", invitation=invitation)

    def gives(self, who: Somebody, role: str, room: str) -> Answer:
        return self.call("PUT", f"/rooms/{room}/members/{quote(who.subject, safe='')}", role=role)

    def removes(self, who: Somebody, room: str) -> Answer:
        return self.call("DELETE", f"/rooms/{room}/members/{quote(who.subject, safe='')}")

    def roles(self, room: str) -> dict[str, str]:
        return {member["subject"]: member["role"] for member in self.get(f"/rooms/{room}/members").body}

    def trail(self, room: str, about: str = "room") -> list[str]:
        lines = self.get(f"/rooms/{room}/trail").body
        return [f"{line['by']}: {line['text']}" for line in lines if line["about"] == about]


@pytest.fixture(scope="module")
def urls(product: Product) -> list[str]:
    """Return the addresses of two services."""
    return [product.stack.service_url, product.stack.service("service-2")[1]]


@pytest.fixture(scope="module")
def somebody(product: Product, urls: list[str]) -> Callable[[str], Somebody]:
    """Return what makes people, who call the services in turn."""

    def make(subject: str) -> Somebody:
        return Somebody(urls[len(subject) % 2], product.stack.issuer.token(subject), subject)

    return make


@pytest.fixture(scope="module")
def ada(somebody: Callable[[str], Somebody]) -> Somebody:
    return somebody("ada")


@pytest.fixture(scope="module")
def bob(somebody: Callable[[str], Somebody]) -> Somebody:
    return somebody("auth0|bob/2")


@pytest.fixture(scope="module")
def eve(somebody: Callable[[str], Somebody]) -> Somebody:
    return somebody("eve!")


@pytest.fixture
def room(ada: Somebody) -> str:
    return ada.opens()


def test_one_invites_the_other_joins_and_both_see_it(ada: Somebody, bob: Somebody, room: str) -> None:
    joined = bob.joins(ada.invites(room))
    assert (joined.status, joined.body["role"], joined.body["name"]) == (200, "member", "The lab")
    assert ada.roles(room) == bob.roles(room) == {ada.subject: "owner", bob.subject: "member"}
    assert [found["room_id"] for found in bob.get("/rooms").body].count(room) == 1
    (_, member) = bob.get(f"/rooms/{room}").body["members"]
    assert (member["invited_by"], bool(member["since"])) == ("ada", True)


def test_the_trail_says_who_did_what(ada: Somebody, bob: Somebody, room: str) -> None:
    bob.joins(ada.invites(room))
    ada.gives(bob, "owner", room)
    bob.call("PUT", f"/rooms/{room}/name", name="Mice")
    ada.post(f"/rooms/{room}/leave")
    opened, invited, *others = bob.trail(room)
    assert opened == "ada: the room was opened as The lab"
    assert invited.startswith("ada: one person was invited as member, until ")
    assert [line.split(" by invitation")[0] for line in others] == [
        f"{bob.subject}: {bob.subject} joined",
        f"ada: {bob.subject} is owner now",
        f"{bob.subject}: the room is called Mice now",
        "ada: ada left",
    ]
    assert len(bob.get(f"/rooms/{room}/trail?most=2").body) == 2


def test_the_room_is_told_in_words(ada: Somebody, bob: Somebody, room: str) -> None:
    bob.joins(ada.invites(room))
    told = ada.get(f"/rooms/{room}/events/newest?most=1").body[0]
    assert (told["kind"], told["state"], told["by"]) == ("room", "joined", bob.subject)
    assert told["text"].startswith(f"{bob.subject} joined by invitation")
    assert told["job_id"] == ""
    bob.joins(ada.invites(room, "reader"))  # he is more than that: nothing happens
    assert [event["state"] for event in ada.get(f"/rooms/{room}/events/newest").body] == [
        *("invited", "joined"),
        "invited",
    ]


@pytest.mark.parametrize(
    "below",
    ["", "/members", "/trail", "/invitations", "/events/newest", "/events"],
)
def test_a_stranger_learns_nothing(ada: Somebody, eve: Somebody, room: str, below: str) -> None:
    real, made_up = eve.get(f"/rooms/{room}{below}"), eve.get(f"/rooms/00000000{below}")
    assert real.problem == (404, "not_found")
    assert json.dumps(real.body).replace(room, "00000000") == json.dumps(made_up.body)


def test_a_stranger_changes_nothing(ada: Somebody, eve: Somebody, room: str) -> None:
    tried = [
        eve.gives(eve, "owner", room),
        eve.removes(ada, room),
        eve.post(f"/rooms/{room}/leave"),
        eve.post(f"/rooms/{room}/invitations", role="owner"),
        eve.call("DELETE", f"/rooms/{room}/invitations/0123456789ab"),
        eve.call("PUT", f"/rooms/{room}/name", name="Eve's"),
    ]
    assert {answer.problem for answer in tried} == {(404, "not_found")}
    assert ada.roles(room) == {"ada": "owner"}


@pytest.mark.parametrize("role", ["member", "reader"])
def test_who_is_no_owner_sees_all_and_changes_nothing(
    ada: Somebody, bob: Somebody, room: str, role: str
) -> None:
    bob.joins(ada.invites(room, role))
    ada.invites(room)
    tried = [
        bob.gives(bob, "owner", room),
        bob.gives(ada, "reader", room),
        bob.removes(ada, room),
        bob.post(f"/rooms/{room}/invitations", role="reader"),
        bob.get(f"/rooms/{room}/invitations"),
        bob.call("PUT", f"/rooms/{room}/name", name="Bob's"),
    ]
    assert {answer.problem for answer in tried} == {(403, "owners_only")}
    shown = bob.get(f"/rooms/{room}").body
    assert (shown["role"], shown["invitations"], len(shown["members"])) == (role, [], 2)
    assert bob.trail(room) == ada.trail(room)


def test_a_reader_submits_nothing(ada: Somebody, bob: Somebody, room: str) -> None:
    bob.joins(ada.invites(room, "reader"))
    asked = {"room_id": room, "file_name": "d.zip", "size_bytes": 1, "part_size_bytes": 5 * 1024 * 1024}
    assert bob.post("/request-upload", **asked).problem == (403, "refused")


def test_an_owner_sees_who_may_still_come_in_and_never_the_secret(
    ada: Somebody, bob: Somebody, room: str
) -> None:
    first, second = ada.invites(room, uses=2), ada.invites(room, expires_in_s=WEEK_S)
    bob.joins(first)
    listed = ada.get(f"/rooms/{room}").body["invitations"]
    assert [(found["uses"], found["used_by"]) for found in listed] == [(2, [bob.subject]), (1, [])]
    assert ada.get(f"/rooms/{room}/invitations").body == listed
    for invitation in (first, second):
        assert invitation.rpartition(".")[2] not in json.dumps(listed)


def test_every_bad_invitation_gets_one_answer(ada: Somebody, bob: Somebody, eve: Somebody, room: str) -> None:
    used, revoked, good = ada.invites(room), ada.invites(room), ada.invites(room)
    assert bob.joins(used).status == 200
    for _ in range(2):  # a second time is harmless
        assert ada.call("DELETE", f"/rooms/{room}/invitations/{revoked.split('.')[1]}").status == 200
    _, name, secret = good.split(".")
    other = ada.opens("Another room")
    bad = [
        used,
        revoked,
        f"{room}.{name}.{secret[:-1]}",
        f"{room}.{name}.",
        f"{room}.000000000000.{secret}",
        f"{other}.{name}.{secret}",
        f"00000000.{name}.{secret}",
        f"../x.{name}.{secret}",
        "what is this",
        ".",
    ]
    assert {(*eve.joins(text).problem, eve.joins(text).body["detail"]) for text in bad} == {
        (400, "invitation_not_valid", NOT_VALID)
    }
    assert eve.joins(good).status == 200


def test_joining_a_room_that_is_not_there_makes_none(product: Product, eve: Somebody) -> None:
    eve.joins("12345678.0123456789ab.secret")
    with pytest.raises(NotFound):
        product.objects(ROOMS).head(keys.room_key("12345678"))


def test_the_store_and_the_logs_never_have_the_secret(product: Product, ada: Somebody, eve: Somebody) -> None:
    room = ada.opens()
    invitation = ada.invites(room)
    secret = invitation.rpartition(".")[2].encode()
    eve.joins(f"{invitation}x")
    eve.joins(invitation)
    store = product.objects(ROOMS)
    bodies = [store.get(info.key).body for info in store.list(f"{room}/")]
    logs = [path.read_bytes() for path in (product.stack.folder / "log").iterdir()]
    assert len(bodies) > 3
    assert not any(secret in body for body in [*bodies, *logs])


def test_a_lost_reply_opens_no_second_room(ada: Somebody, bob: Somebody) -> None:
    first, again = (ada.post("/rooms", name="Once", submission_id="s1").body for _ in range(2))
    other = ada.post("/rooms", name="Once", submission_id="s2").body
    bobs = bob.post("/rooms", name="Once", submission_id="s1").body
    assert first == again
    assert len({room["room_id"] for room in (first, other, bobs)}) == 3


def test_a_lost_reply_makes_no_second_invitation(ada: Somebody, bob: Somebody, room: str) -> None:
    lost, told = (ada.invites(room, submission_id="i1") for _ in range(2))
    assert len(ada.get(f"/rooms/{room}/invitations").body) == 1
    assert bob.joins(lost).problem == (400, "invitation_not_valid")
    assert bob.joins(told).status == 200


def test_the_last_owner_stays(ada: Somebody, bob: Somebody, room: str) -> None:
    bob.joins(ada.invites(room))
    for answer in (ada.post(f"/rooms/{room}/leave"), ada.removes(ada, room), ada.gives(ada, "reader", room)):
        assert answer.problem == (400, "last_owner")
    assert ada.gives(bob, "owner", room).body["role"] == "owner"
    assert ada.post(f"/rooms/{room}/leave").status == 200
    assert ada.get(f"/rooms/{room}").problem == (404, "not_found")


def test_who_was_removed_is_out_at_once_and_his_invitation_is_spent(
    ada: Somebody, bob: Somebody, room: str
) -> None:
    invitation = ada.invites(room, uses=5)
    bob.joins(invitation)
    for _ in range(2):
        assert ada.removes(bob, room).status == 200
    assert bob.get(f"/rooms/{room}/manifest").problem == (404, "not_found")
    assert bob.joins(invitation).problem == (400, "invitation_not_valid")
    assert bob.joins(ada.invites(room)).status == 200


def test_a_stream_ends_for_him_who_is_removed(
    product: Product, urls: list[str], ada: Somebody, bob: Somebody, room: str
) -> None:
    bob.joins(ada.invites(room))
    headers = {"Authorization": f"Bearer {product.stack.issuer.token(bob.subject)}"}
    stream = urllib3.request(
        "GET", f"{urls[1]}/api/rooms/{room}/events", headers=headers, preload_content=False, timeout=60
    )
    lines = iter(stream)
    assert any(b"joined by" in line for line in lines)
    ada.removes(bob, room)
    ada.call("PUT", f"/rooms/{room}/name", name="What Bob must not know")
    rest = b"".join(lines)
    assert b"must not know" not in rest
    assert b"was removed" not in rest


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/rooms", {"name": "a\x1b[2J"}),
        ("/rooms", {"name": ""}),
        ("/rooms/{room}/invitations", {"role": "king"}),
        ("/rooms/{room}/invitations", {"uses": 0}),
        ("/rooms/{room}/invitations", {"expires_in_s": 31 * 86_400}),
        ("/rooms/{room}/invitations", {"secret": "mine"}),
        ("/join", {"invitation": "x" * 201}),
    ],
)
def test_what_cannot_be_is_refused_at_the_edge(
    ada: Somebody, room: str, path: str, body: dict[str, Any]
) -> None:
    assert ada.post(path.format(room=room), **body).problem == (422, "invalid_request")


# Many at once, at both services


def test_an_invitation_for_one_lets_one_of_eight_in(
    ada: Somebody, somebody: Callable[[str], Somebody], room: str
) -> None:
    invitation = ada.invites(room)
    crowd = [somebody(f"guest{'x' * n}") for n in range(8)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda one: one.joins(invitation), crowd))
    assert sorted(answer.status for answer in answers) == [200] + 7 * [400]
    assert {answer.body["detail"] for answer in answers if answer.status == 400} == {NOT_VALID}
    assert len(ada.roles(room)) == 2


def test_two_owners_who_take_the_role_from_each_other_leave_one(
    ada: Somebody, bob: Somebody, room: str
) -> None:
    bob.joins(ada.invites(room, "owner"))
    with ThreadPoolExecutor(2) as threads:
        tried = list(
            threads.map(lambda pair: pair[0].gives(pair[1], "member", room), ((ada, bob), (bob, ada)))
        )
    assert sorted(answer.status for answer in tried) == [200, 403]
    assert sorted(ada.roles(room).values()) == ["member", "owner"]


def test_roles_that_two_owners_change_at_once_are_all_changed(
    ada: Somebody, bob: Somebody, somebody: Callable[[str], Somebody], room: str
) -> None:
    bob.joins(ada.invites(room, "owner"))
    invitation = ada.invites(room, uses=6)
    others = [somebody(f"other{'x' * n}") for n in range(6)]
    for one in others:
        one.joins(invitation)
    with ThreadPoolExecutor(6) as threads:
        owners = [ada, bob] * 3
        list(
            threads.map(lambda pair: pair[0].gives(pair[1], "reader", room), zip(owners, others, strict=True))
        )
    assert [ada.roles(room)[one.subject] for one in others] == 6 * ["reader"]


def test_a_change_at_one_service_is_heard_at_the_other(
    product: Product, urls: list[str], ada: Somebody, bob: Somebody, room: str
) -> None:
    headers = {"Authorization": f"Bearer {product.stack.issuer.token('ada')}"}
    stream = urllib3.request(
        "GET", f"{urls[0]}/api/rooms/{room}/events", headers=headers, preload_content=False, timeout=60
    )
    Somebody(urls[1], product.stack.issuer.token("ada"), "ada").invites(room)
    assert any(b"was invited as member" in line for line in stream)
    stream.close()


def test_a_room_that_is_as_rooms_were_goes_on(product: Product, ada: Somebody, bob: Somebody) -> None:
    old = {"room_id": "old-1", "name": "Old", "created_by": "ada", "created_at": "2026-01-01T00:00:00Z"}
    body = {**old, "schema_version": 1, "write_id": "w", "members": {"ada": "owner"}}
    product.objects(ROOMS).put(keys.room_key("old-1"), json.dumps(body).encode(), Create())
    assert bob.joins(ada.invites("old-1")).status == 200
    assert len(ada.roles("old-1")) == 2
    assert ada.get("/rooms/old-1").body["members"][0]["name"] == "ada"
