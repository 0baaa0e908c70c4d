"""The session string of the existing tool: read as it writes it, refused in one sentence."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.live.session_string import Session, parse_session_string, session_string
from sleap_rtc.storage.errors import InputError

# As the existing tool writes it, with the spaces of Python's json.dumps.
LEGACY = "sleap-session:eyJyIjogIjhmM2EyYyIsICJ0IjogInRvay1lbl8xIiwgInAiOiAid29ya2VyLTNmIn0="
SESSION = Session(room_id="8f3a2c", token="tok-en_1", worker_id="worker-3f")


def encoded(body: bytes) -> str:
    return "sleap-session:" + base64.urlsafe_b64encode(body).decode()


def test_a_string_of_the_existing_tool_is_read() -> None:
    assert parse_session_string(LEGACY) == SESSION


def test_a_string_is_written_with_the_existing_tools_short_names() -> None:
    body = base64.urlsafe_b64decode(session_string(SESSION).removeprefix("sleap-session:"))
    assert body == b'{"r":"8f3a2c","t":"tok-en_1","p":"worker-3f"}'


def test_a_string_has_no_character_that_a_url_would_change() -> None:
    text = session_string(Session(room_id="???>>>", token="ÿÿÿ~~~", worker_id="w"))
    assert set("+/").isdisjoint(text)


@given(st.text(), st.text(), st.text())
def test_what_was_written_is_read_again(room_id: str, token: str, worker_id: str) -> None:
    session = Session(room_id=room_id, token=token, worker_id=worker_id)
    assert parse_session_string(session_string(session)) == session


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "sleap-session:",
        "sleap-session:!",
        "sleap-session:ü",
        LEGACY.removeprefix("sleap-session:"),
        LEGACY[:-5],
        encoded(b"not json"),
        encoded(b"[]"),
        encoded(b'{"r": "room", "t": "token"}'),
        encoded(b'{"r": 1, "t": 2, "p": 3}'),
        encoded(b"\xff\xff"),
    ],
)
def test_what_is_no_session_string_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(InputError, match="Copy the whole line"):
        parse_session_string(text)


@given(st.text() | st.text().map("sleap-session:".__add__))
def test_no_text_raises_anything_but_a_refusal(text: str) -> None:
    with contextlib.suppress(InputError):
        parse_session_string(text)


def test_the_token_is_not_shown_in_a_refusal_or_in_a_repr() -> None:
    with pytest.raises(InputError) as refused:
        parse_session_string(encoded(b'{"r": "room", "t": "s3cret"}'))
    assert "s3cret" not in str(refused.value)
    assert "tok-en_1" not in f"{SESSION!r} {SESSION}"
