from __future__ import annotations

from typing import Any

import pytest

from sleap_rtc.client.train_order import Place, place_of
from sleap_rtc.client.worker_choice import Wish
from sleap_rtc.live.session_string import Session, session_string
from sleap_rtc.storage.errors import InputError

SESSION = session_string(Session(room_id="abc12345", token="s3cret", worker_id="w-1"))


def place(**options: Any) -> Place:
    given = {"session_string": "", "room_id": "", "token": "", "worker_id": "", "auto_select": False}
    given |= {"min_gpu_memory_mb": None, "room_by_option": bool(options.get("room_id"))}
    return place_of(**{**given, **options})


def test_a_session_string_names_room_token_and_worker() -> None:
    assert place(session_string=SESSION) == Place("abc12345", "s3cret", Wish("w-1"))


def test_a_room_of_the_environment_does_not_contradict_a_session_string() -> None:
    assert place(session_string=SESSION, room_id="other", room_by_option=False).room_id == "abc12345"


@pytest.mark.parametrize(
    "more", [{"room_id": "r"}, {"token": "t"}, {"worker_id": "w"}, {"auto_select": True}]
)
def test_a_session_string_goes_with_nothing_that_names_something_else(more: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="Leave one of them out"):
        place(session_string=SESSION, **more)


def test_a_room_goes_with_a_token_a_worker_and_a_least_memory() -> None:
    found = place(room_id="lab-1", token="t", worker_id="w", min_gpu_memory_mb=8000)
    assert found == Place("lab-1", "t", Wish("w", min_gpu_memory_mb=8000))


def test_a_worker_is_named_or_chosen() -> None:
    with pytest.raises(InputError, match="give one of them"):
        place(room_id="lab-1", worker_id="w", auto_select=True)


def test_without_a_room_there_is_a_sentence() -> None:
    with pytest.raises(InputError, match="--session-string"):
        place()
