"""The messages of the signaling WebSocket: what is read, what is refused, and what is written."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.live.signaling_messages import (
    FIELDS_MISSING,
    LARGEST_MESSAGE_BYTES,
    MessageRefused,
    Metadata,
    Offer,
    PeerInfo,
    PeerList,
    PeerMessage,
    Register,
    RegisteredAuth,
    RegistrationRefused,
    SignalError,
    is_own_peer_id,
    own_peer_id,
    read_heard,
    read_said,
)

REGISTER = {"type": "register", "peer_id": "w", "room_id": "8f3a2c1d", "token": "abc123", "id_token": "e.y.J"}
OFFER = {"type": "offer", "sender": "c", "target": "w", "sdp": "v=0\r\n"}
WORKER = {"tags": ["sleap-rtc"], "properties": {"status": "available", "gpu_memory_mb": 0}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def said(**content: Any) -> Any:
    return read_said(json.dumps(content))


def refusal(text: str | bytes) -> MessageRefused:
    with pytest.raises(MessageRefused) as refused:
        read_said(text)
    return refused.value


def test_a_registration_of_the_existing_worker_is_read() -> None:
    register = said(**REGISTER, role="worker", metadata=WORKER)
    assert isinstance(register, Register)
    assert (register.role, register.metadata.as_said()) == ("worker", WORKER)


def test_a_registration_has_defaults_as_the_existing_server() -> None:
    register = said(**REGISTER)
    assert (register.role, register.metadata.as_said()) == ("peer", {})


@pytest.mark.parametrize("field", ["peer_id", "room_id", "id_token"])
@pytest.mark.parametrize("change", [None, "", "absent"])
def test_what_is_missing_from_a_registration_is_said_in_the_existing_servers_words(
    field: str, change: str | None
) -> None:
    content = {**REGISTER, field: change}
    if change == "absent":
        del content[field]
    refused = refusal(json.dumps(content))
    assert isinstance(refused, RegistrationRefused)
    assert refused.why == FIELDS_MISSING


def test_a_registration_with_a_field_of_the_wrong_type_says_which() -> None:
    refused = refusal(json.dumps({**REGISTER, "metadata": {"tags": "gpu"}}))
    assert isinstance(refused, RegistrationRefused)
    assert refused.why.startswith("metadata.tags:")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "INVALID_JSON"),
        ("{", "INVALID_JSON"),
        (b"\xff\xfe\xfd", "INVALID_JSON"),
        ('{"type": "offer", "x": NaN}', "INVALID_JSON"),
        ('{"type": "offer", "x": 1e999}', "INVALID_JSON"),
        ('{"type": "offer", "x": ' + "9" * 5000 + "}", "INVALID_JSON"),
        ("[" * 100_000, "INVALID_JSON"),
        ("[]", "INVALID_MESSAGE"),
        ('"register"', "INVALID_MESSAGE"),
        ('{"type": "peer_message", "x": ' + "[" * 65 + "]" * 65 + "}", "INVALID_MESSAGE"),
        ("{}", "UNKNOWN_MESSAGE_TYPE"),
        ('{"type": null}', "UNKNOWN_MESSAGE_TYPE"),
        ('{"type": "mesh_offer"}', "UNKNOWN_MESSAGE_TYPE"),
        ('{"type": "registered_auth"}', "UNKNOWN_MESSAGE_TYPE"),
        ('{"type": "offer"}', "INVALID_MESSAGE"),
        ('{"type": "offer", "sender": "c", "target": 1, "sdp": ""}', "INVALID_MESSAGE"),
        ('{"type": "discover_peers", "from_peer_id": "c", "filters": null}', "INVALID_MESSAGE"),
        (
            '{"type": "peer_message", "from_peer_id": "c", "to_peer_id": "w", "payload": {}}',
            "INVALID_MESSAGE",
        ),
        ('{"type": "peer_message", "from_peer_id": "c", "to_peer_id": "w"}', "INVALID_MESSAGE"),
        ('{"type": "' + "x" * LARGEST_MESSAGE_BYTES + '"}', "INVALID_MESSAGE"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_message_is_refused_with_the_documented_code(text: str | bytes, code: str) -> None:
    refused = refusal(text)
    assert refused.code == code
    assert len(str(refused)) < 300


def test_an_unhashable_type_is_an_unknown_one() -> None:
    assert refusal('{"type": ["offer"]}').code == "UNKNOWN_MESSAGE_TYPE"


@given(st.text() | st.binary() | JSON.map(json.dumps) | st.dictionaries(st.text(), JSON).map(json.dumps))
def test_no_text_raises_anything_but_a_refusal(text: str | bytes) -> None:
    with contextlib.suppress(MessageRefused):
        read_said(text)
    with contextlib.suppress(MessageRefused):
        read_heard(text)


@given(JSON.filter(bool), st.dictionaries(st.text(), JSON))
def test_a_relayed_message_is_the_message(payload: Any, more: dict[str, Any]) -> None:
    content = {**more, "type": "peer_message", "from_peer_id": "a", "to_peer_id": "b", "payload": payload}
    assert json.loads(said(**content).text()) == content


def test_an_offer_keeps_what_a_newer_client_adds() -> None:
    assert json.loads(said(**OFFER, trickle=None, x={"y": [1.0]}).text()) == {
        **OFFER,
        "trickle": None,
        "x": {"y": [1.0]},
    }


def test_what_we_make_is_what_the_existing_tool_reads() -> None:
    assert json.loads(Offer(sender="c", target="w", sdp="v=0\r\n").text()) == OFFER
    info = PeerInfo(peer_id="w", role="worker", metadata=Metadata.model_validate(WORKER), connected_at=1.5)
    assert json.loads(PeerList(to_peer_id="c", peers=[info], count=1).text()) == {
        "type": "peer_list",
        "to_peer_id": "c",
        "peers": [{"peer_id": "w", "role": "worker", "metadata": WORKER, "connected_at": 1.5}],
        "count": 1,
    }


def test_the_existing_servers_answer_to_a_registration_is_read() -> None:
    heard = read_heard('{"type": "registered_auth", "room_id": "r", "token": "t", "peer_id": "p"}')
    assert isinstance(heard, RegisteredAuth)
    assert (heard.token, list(heard.ice_servers)) == ("t", [])


def test_an_answer_of_the_newest_server_is_read() -> None:
    text = json.dumps(
        {
            "type": "registered_auth",
            "room_id": "r",
            "token": None,
            "peer_id": "p",
            "admin_peer_id": None,
            "peer_list": ["w"],
            "peer_metadata": {"w": WORKER},
            "ice_servers": [{"urls": "stun:a"}, {"urls": ["turn:b"], "username": "u", "credential": "c"}],
            "mesh_ice_servers": [],
            "later": 1,
        }
    )
    heard = read_heard(text)
    assert isinstance(heard, RegisteredAuth)
    assert [server.username for server in heard.ice_servers] == [None, "u"]
    assert heard.peer_metadata["w"].properties["status"] == "available"


def test_a_refusal_without_a_type_is_an_error() -> None:
    assert read_heard('{"error": "Invalid token"}') == SignalError(reason="Invalid token")


def test_a_type_that_is_not_known_yet_is_nothing() -> None:
    assert read_heard('{"type": "admin_conflict"}') is None
    assert read_heard("{}") is None


def test_a_declined_offer_is_read_and_says_why() -> None:
    heard = read_heard('{"type": "error", "target": "c", "reason": "worker_busy", "current_status": "busy"}')
    assert isinstance(heard, SignalError)
    assert (heard.text_for_people, heard.current_status) == ("worker_busy", "busy")


def test_an_update_loses_no_tags_and_no_properties() -> None:
    before = Metadata.model_validate({**WORKER, "lab": "mice"})
    after = before.updated(Metadata(properties={"status": "busy"}))
    assert after.as_said() == {
        "tags": ["sleap-rtc"],
        "properties": {"status": "busy", "gpu_memory_mb": 0},
        "lab": "mice",
    }


def test_an_update_adds_tags_once() -> None:
    updated = Metadata(tags=["a", "b"]).updated(Metadata(tags=["b", "c"]))
    assert list(updated.tags) == ["a", "b", "c"]


@given(JSON, JSON)
def test_an_update_with_nothing_changes_nothing(one: Any, two: Any) -> None:
    metadata = Metadata.model_validate({"properties": {"one": one}, "two": two})
    assert metadata.updated(Metadata()).as_said() == metadata.as_said()


@given(st.text(min_size=1).filter(lambda s: "#" not in s), st.text())
def test_a_peer_id_belongs_to_one_subject(subject: str, name: str) -> None:
    assert is_own_peer_id(own_peer_id(subject, name), subject)
    assert not is_own_peer_id(own_peer_id(subject, name), subject + "x")


def test_a_subject_with_the_separator_owns_nobody_elses_peer() -> None:
    assert not is_own_peer_id("ada#worker", "ada#worker")
    assert not is_own_peer_id("ada2", "ada")


def test_no_secret_is_in_a_repr() -> None:
    assert "e.y.J" not in repr(said(**REGISTER))
    assert "abc123" not in repr(said(**REGISTER))


def test_a_payload_is_anything_but_empty() -> None:
    message = said(type="peer_message", from_peer_id="a", to_peer_id="b", payload="hello")
    assert isinstance(message, PeerMessage)
