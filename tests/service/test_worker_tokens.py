"""Workers' tokens over HTTP: good for the work of one room, known by their hash, taken back at once."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from support.desktop import COLLEAGUE, OWNER, ServiceLab, hold_of

from sleap_rtc.events.service_http import ServiceHttp
from sleap_rtc.events.worker_token_api import GiveWorkerToken
from sleap_rtc.live.token_subject import token_subject
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import Refused
from sleap_rtc.storage.room import Room
from sleap_rtc.worker.service_desk import ServiceDesk

if TYPE_CHECKING:
    from support.product import Product


@pytest.fixture
def lab(product: Product) -> ServiceLab:
    return ServiceLab(product)


def given(lab: ServiceLab, name: str = "microscope room", **asked: Any) -> tuple[str, str]:
    """Return the id of a token, and the token."""
    made = lab.client(OWNER).give_worker_token(lab.room_id, GiveWorkerToken(name=name, **asked))
    return made.token_id, made.token


def ask(lab: ServiceLab, token: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Ask for a path with a token; return the status and the body."""
    url = f"{lab.product.stack.service_url}{path}"
    headers = {"Authorization": f"Bearer {token}"}
    reply = urllib3.request(method, url, headers=headers, json=body, retries=False)
    return reply.status, json.loads(reply.data)


def test_a_worker_claims_and_reports_with_a_token_of_its_own(lab: ServiceLab) -> None:
    token_id, token = given(lab)
    desk = ServiceDesk(ServiceHttp(lab.product.stack.service_url, token))
    assert desk.terms(lab.room_id).lease_s > 0
    job = desk.claim(lab.room_id, lab.queued().job_id, "w1", "m1")
    desk.write_log(hold_of(job), 1, "hello")
    assert lab.client(COLLEAGUE).job_log(lab.room_id, job.job_id, 0).segments[0].text == "hello"
    who = ask(lab, token, "GET", "/api/who-am-i")[1]
    assert who == {"subject": f"worker-{token_id}", "name": "microscope room", "works_in": lab.room_id}
    # What its live peers know it by is in the token, as in anybody's.
    assert token_subject(token) == who["subject"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "/members", None),
        ("GET", "/jobs", None),
        ("GET", "/models", None),
        ("PUT", "/name", {"name": "Mine"}),
        ("POST", "/invitations", {"role": "owner"}),
        ("POST", "/worker-tokens", {"name": "another"}),
        ("GET", "/worker-tokens", None),
        ("PUT", f"/members/{COLLEAGUE}", {"role": "reader"}),
        ("DELETE", f"/members/{COLLEAGUE}", None),
        ("POST", "/leave", None),
        ("POST", "/jobs", {"upload_id": "x"}),
        ("POST", "/gc", {}),
        ("POST", "/repair", None),
        ("DELETE", "/aliases/best?expected=x", None),
    ],
)
def test_a_worker_does_nothing_but_its_work(lab: ServiceLab, method: str, path: str, body: Any) -> None:
    _, token = given(lab)
    status, answer = ask(lab, token, method, f"/api/rooms/{lab.room_id}{path}".replace(" ", "%20"), body)
    assert (status, answer["code"]) == (403, "workers_work_only")


@pytest.mark.parametrize("path", ["/api/rooms", "/create-room"])
def test_a_worker_opens_no_room(lab: ServiceLab, path: str) -> None:
    assert ask(lab, given(lab)[1], "POST", path, {"name": "Mine"})[0] == 403


def test_a_worker_sees_its_own_room_alone(lab: ServiceLab) -> None:
    other = lab.client(OWNER).create_room("Another").room_id
    _, token = given(lab)
    rooms = ask(lab, token, "GET", "/api/rooms")[1]
    assert [(room["room_id"], room["role"]) for room in rooms] == [(lab.room_id, "worker")]
    assert ask(lab, token, "GET", f"/api/rooms/{other}/worker-terms")[0] == 404


def test_an_owner_lists_tokens_and_takes_one_back_at_once(lab: ServiceLab) -> None:
    (first, token), (second, other) = given(lab, "one"), given(lab, "two")
    owner = lab.client(OWNER)
    assert [(found.token_id, found.name) for found in owner.worker_tokens(lab.room_id)] == [
        (first, "one"),
        (second, "two"),
    ]
    for _ in range(2):  # a second time is harmless
        owner.revoke_worker_token(lab.room_id, first)
    path = f"/api/rooms/{lab.room_id}/worker-terms"
    assert (ask(lab, token, "GET", path)[0], ask(lab, other, "GET", path)[0]) == (401, 200)
    assert [found.token_id for found in owner.worker_tokens(lab.room_id)] == [second]
    assert [line.text.partition(",")[0] for line in owner.trail(lab.room_id, 3)][-1] == (
        f"worker token {first} was taken back"
    )


def test_only_owners_give_list_and_revoke(lab: ServiceLab) -> None:
    token_id, _ = given(lab)
    colleague = lab.client(COLLEAGUE)
    with pytest.raises(Refused, match="Only an owner"):
        colleague.give_worker_token(lab.room_id, GiveWorkerToken(name="mine"))
    with pytest.raises(Refused, match="Only an owner"):
        colleague.worker_tokens(lab.room_id)
    with pytest.raises(Refused, match="Only an owner"):
        colleague.revoke_worker_token(lab.room_id, token_id)


def test_an_expired_token_and_every_changed_one_get_one_answer(lab: ServiceLab) -> None:
    token_id, token = given(lab)
    other_room = lab.client(OWNER).create_room("Another").room_id
    prefix, claims, secret = token.split(".")

    def with_claims(**changed: str) -> str:
        said = {**json.loads(base64.urlsafe_b64decode(claims + "==")), **changed}
        return f"{prefix}.{base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip('=')}.{secret}"

    expired_id, expired = given(lab, "old")
    ended = datetime.now(UTC) - timedelta(seconds=1)

    def with_an_end(room: Room) -> Room:
        old = room.worker_tokens[expired_id].model_copy(update={"expires_at": ended})
        return room.model_copy(update={"worker_tokens": {**room.worker_tokens, expired_id: old}})

    Documents(lab.rooms, Room).change(keys.room_key(lab.room_id), with_an_end)
    bad = [
        expired,
        f"{prefix}.{claims}.{secret[:-1]}",
        f"{prefix}.{claims}.",
        f"{prefix}.{claims}.{'x' * 2000}",
        with_claims(room=other_room),
        with_claims(room="00000000"),
        with_claims(sub=f"worker-{expired_id}"),
        with_claims(sub=OWNER),
        with_claims(),  # the same claims in other bytes
    ]
    answers = [ask(lab, one, "GET", "/api/who-am-i") for one in bad]
    assert answers == [ask(lab, "nonsense", "GET", "/api/who-am-i")] * len(bad)
    assert answers[0][0] == 401
    assert ask(lab, token, "GET", "/api/who-am-i")[0] == 200
    assert token_id != expired_id


def test_the_store_and_the_logs_never_have_the_token(lab: ServiceLab) -> None:
    _, token = given(lab)
    ask(lab, token, "GET", f"/api/rooms/{lab.room_id}/worker-terms")
    ask(lab, f"{token}x", "GET", f"/api/rooms/{lab.room_id}/worker-terms")
    secret = token.rpartition(".")[2].encode()
    bodies = [lab.rooms.get(info.key).body for info in lab.rooms.list(f"{lab.room_id}/")]
    logs = [path.read_bytes() for path in (lab.product.stack.folder / "log").iterdir()]
    assert len(bodies) > 2
    assert not any(secret in body for body in [*bodies, *logs])


def test_a_lost_reply_makes_no_second_token(lab: ServiceLab) -> None:
    (first, lost), (again, told) = (given(lab, submission_id="s1") for _ in range(2))
    assert (first, len(lab.client(OWNER).worker_tokens(lab.room_id))) == (again, 1)
    assert (ask(lab, lost, "GET", "/api/who-am-i")[0], ask(lab, told, "GET", "/api/who-am-i")[0]) == (
        401,
        200,
    )


def test_an_owner_who_is_none_any_more_takes_his_tokens_with_him(lab: ServiceLab) -> None:
    _, token = given(lab)
    lab.client(OWNER).set_role(lab.room_id, COLLEAGUE, "owner")
    lab.client(COLLEAGUE).set_role(lab.room_id, OWNER, "member")
    assert ask(lab, token, "GET", "/api/who-am-i")[0] == 401
