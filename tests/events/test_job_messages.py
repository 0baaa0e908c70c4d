"""The message that wakes a worker: pinned, tolerant of newer fields, refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.jobs import make_job

from sleap_rtc.events.messages import JobMessage, MessageUnreadable

GOLDEN = (Path(__file__).parent / "golden" / "job_message.json").read_text(encoding="utf-8").strip()


def test_a_job_message_is_written_as_it_always_was() -> None:
    assert JobMessage.of(make_job()).model_dump_json() == GOLDEN


def test_a_job_message_is_read_as_it_was_written() -> None:
    assert JobMessage.parse(GOLDEN) == JobMessage.of(make_job())


def test_fields_of_a_newer_writer_are_passed_over() -> None:
    newer = {**json.loads(GOLDEN), "priority": "high"}
    assert JobMessage.parse(json.dumps(newer)) == JobMessage.parse(GOLDEN)


def test_another_version_is_refused() -> None:
    with pytest.raises(MessageUnreadable, match="v: Input should be 1"):
        JobMessage.parse(json.dumps({**json.loads(GOLDEN), "v": 2}))


def test_a_message_without_a_job_is_refused_by_the_name_of_the_field() -> None:
    nameless = {key: value for key, value in json.loads(GOLDEN).items() if key != "job_id"}
    with pytest.raises(MessageUnreadable, match="job_id: Field required"):
        JobMessage.parse(json.dumps(nameless))


@pytest.mark.parametrize("body", ["", "wake up", "[]", "\x00", '{"v":1}'])
def test_what_is_no_message_is_refused(body: str) -> None:
    with pytest.raises(MessageUnreadable):
        JobMessage.parse(body)
