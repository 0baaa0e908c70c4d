from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.events.jobs import JobRequest
from sleap_rtc.live.direct_jobs import (
    CollectJob,
    JobAccepted,
    JobDeclined,
    JobResult,
    MadeFile,
    MadeModel,
    RequestUnreadable,
    SubmitJob,
    read_direct_reply,
    read_direct_request,
)

JOB = "01KAAAAAAAAAAAAAAAAAAAAAAA"
CHECKSUM = "crc64nvme:AAAAAAAAAAA="
SUBMIT = {
    "v": 1,
    "op": "submit",
    "id": 1,
    "job_id": JOB,
    "file_name": "Meine Mäuse 1.zip",
    "size_bytes": 10,
    "checksum": CHECKSUM,
    "request": {"trainer": None, "overrides": {"trainer_config.max_epochs": "5"}},
}
MODEL = MadeModel(
    model_id="0a1b2c3d",
    model_type="centroid",
    files=(MadeFile(name="best.ckpt", size_bytes=3, checksum=CHECKSUM),),
)


def test_a_submission_is_read_as_it_was_written() -> None:
    request = read_direct_request(json.dumps(SUBMIT))
    assert isinstance(request, SubmitJob)
    assert request.file_name == "Meine Mäuse 1.zip"
    assert request.request == JobRequest(overrides={"trainer_config.max_epochs": "5"})
    assert read_direct_request(request.text()) == request


@pytest.mark.parametrize(
    "reply",
    [
        JobAccepted(id=1, job_id=JOB),
        JobDeclined(id=1, code="busy", why="the worker is busy with another job"),
        JobResult(id=2, job_id=JOB, state="done", model=MODEL),
        JobResult(id=2, job_id=JOB, state="failed", code="training_failed", why="exit code 3"),
    ],
)
def test_every_reply_is_read_as_it_was_written(reply: JobAccepted | JobDeclined | JobResult) -> None:
    assert read_direct_reply(reply.text()) == reply


def test_a_collection_is_read_as_it_was_written() -> None:
    assert read_direct_request(CollectJob(id=3, job_id=JOB).text()) == CollectJob(id=3, job_id=JOB)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"v": 2}, "v"),
        ({"id": 0}, "id"),
        ({"job_id": "../../etc"}, "job_id"),
        ({"file_name": "../evil.zip"}, "file_name"),
        ({"file_name": "a\\b.zip"}, "file_name"),
        ({"file_name": "a\x00.zip"}, "file_name"),
        ({"file_name": ""}, "file_name"),
        ({"size_bytes": 0}, "size_bytes"),
        ({"size_bytes": 1 << 50}, "size_bytes"),
        ({"checksum": "md5:abc"}, "checksum"),
        ({"request": {"overrides": {str(i): "x" for i in range(100)}}}, "overrides"),
        ({"request": {"command": "rm -rf"}}, "command"),
        ({"op": "delete"}, "op"),
    ],
)
def test_what_is_wrong_with_a_submission_is_said(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(RequestUnreadable, match=says):
        read_direct_request(json.dumps({**SUBMIT, **changed}))


@given(st.text(max_size=200) | st.dictionaries(st.text(), st.integers() | st.text()).map(json.dumps))
def test_nonsense_is_refused_and_never_anything_else(text: str) -> None:
    with pytest.raises(RequestUnreadable):
        read_direct_request(text)
    assert read_direct_reply(text) is None


@pytest.mark.parametrize("name", ["../best.ckpt", "a/b", ".hidden", "", "x" * 200])
def test_a_model_has_no_file_that_leads_elsewhere(name: str) -> None:
    text = JobResult(id=1, job_id=JOB, state="done", model=MODEL).text().replace("best.ckpt", name)
    assert read_direct_reply(text) is None
