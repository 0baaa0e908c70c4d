"""Requests for files: what may be asked, and what is refused before anybody looks for a file."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.live.file_requests import (
    LARGEST_READ_BYTES,
    Cancel,
    ReadChecksums,
    ReadRange,
    RequestUnreadable,
    What,
    read_request,
)

BEST = What(model_id="0a1b2c3d", file="best.ckpt")
READ: dict[str, Any] = {
    "v": 1,
    "op": "read",
    "id": 7,
    "what": {"model_id": "0a1b2c3d", "file": "best.ckpt"},
    "offset": 0,
    "length": 1048576,
}


def test_requests_are_written_like_this() -> None:
    assert json.loads(ReadRange(id=7, what=BEST, offset=0, length=1048576).text()) == READ
    wanted = {**READ, "op": "checksums", "range_bytes": 8388608}
    del wanted["offset"], wanted["length"]
    assert json.loads(ReadChecksums(id=7, what=BEST, range_bytes=8388608).text()) == wanted
    assert json.loads(Cancel(id=7).text()) == {"v": 1, "op": "cancel", "id": 7}


def test_what_a_newer_peer_adds_is_ignored() -> None:
    assert read_request(json.dumps({**READ, "priority": 3})) == ReadRange(
        id=7, what=BEST, offset=0, length=1048576
    )


@given(st.integers(1, 2**32 - 1), st.integers(0, 2**64 - 1), st.integers(1, LARGEST_READ_BYTES))
def test_a_request_is_read_as_it_was_written(id_: int, offset: int, length: int) -> None:
    request = ReadRange(id=id_, what=BEST, offset=offset, length=length)
    assert read_request(request.text()) == request


@pytest.mark.parametrize(
    "name",
    [
        "..",
        ".",
        "../best.ckpt",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "C:best",
        ".hidden",
        "",
        "x\0",
        "ü",
        "x\n",
        "x" * 129,
    ],
)
def test_a_name_that_could_be_a_path_is_refused(name: str) -> None:
    with pytest.raises(RequestUnreadable, match=r"what\.file") as refused:
        read_request(json.dumps({**READ, "what": {"model_id": "0a1b2c3d", "file": name}}))
    assert refused.value.id == 7


def test_a_file_is_of_a_model_or_of_a_job() -> None:
    job = What(job_id="01KAZ3CJ9C0000000000000000", file="sample.png")
    asked = json.loads(ReadRange(id=7, what=job, offset=0, length=1).text())
    assert asked["what"] == {"job_id": "01KAZ3CJ9C0000000000000000", "file": "sample.png"}
    for ids in ({}, {"model_id": ""}, {"model_id": "0a1b2c3d", "job_id": job.job_id}):
        with pytest.raises(RequestUnreadable, match="it is of a model or of a job"):
            read_request(json.dumps({**READ, "what": {**ids, "file": "best.ckpt"}}))


@pytest.mark.parametrize("model_id", ["..", "0A1B2C3D", "0a1b2c3", "0a1b2c3d/..", "0a1b2c3d\n"])
def test_a_model_id_that_is_none_is_refused(model_id: str) -> None:
    with pytest.raises(RequestUnreadable, match=r"what\.model_id"):
        read_request(json.dumps({**READ, "what": {"model_id": model_id, "file": "best.ckpt"}}))


@pytest.mark.parametrize(
    "changed",
    [
        {"v": 2},
        {"op": "write"},
        {"op": None},
        {"id": 0},
        {"id": True},
        {"id": 2**32},
        {"id": "7"},
        {"offset": -1},
        {"offset": 1.5},
        {"length": 0},
        {"length": LARGEST_READ_BYTES + 1},
        {"what": "best.ckpt"},
        {"what": {}},
        {"filler": "x" * 5000},
    ],
    ids=str,
)
def test_what_is_out_of_bounds_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(RequestUnreadable):
        read_request(json.dumps({**READ, **changed}))


@given(st.one_of(st.text(), st.recursive(st.none() | st.integers(), st.lists).map(json.dumps)))
def test_any_text_is_a_request_or_refused(text: str) -> None:
    with suppress(RequestUnreadable):
        read_request(text)


def test_text_that_is_nested_very_deep_is_refused() -> None:
    with pytest.raises(RequestUnreadable):
        read_request("[" * 4000)
