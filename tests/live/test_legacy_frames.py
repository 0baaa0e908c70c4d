"""What the existing tool says on its channel, read and written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.live.legacy_frames import (
    KEEP_ALIVE,
    FileMeta,
    KeepAlive,
    LegacyFrameUnreadable,
    LogLine,
    ProgressReport,
    TrackLog,
    TrainJobError,
    decode,
    encode,
)

GOLDEN = Path(__file__).parent / "golden" / "legacy_frames.txt"
FRAMES = [
    line.split("\t")
    for line in GOLDEN.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize(("text", "meaning"), FRAMES)
def test_a_frame_is_read_and_written_as_the_existing_tool_has_it(text: str, meaning: str) -> None:
    frame = decode(text)
    assert repr(frame) == meaning
    if not isinstance(frame, KeepAlive):
        assert encode(frame) == text


def test_a_keep_alive_is_written_as_binary() -> None:
    assert encode(KeepAlive()) == KEEP_ALIVE == b"KEEP_ALIVE"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Epoch 3: loss 0.5\n", LogLine("Epoch 3: loss 0.5")),
        ("\r40%|####      | 4/10", LogLine("40%|####      | 4/10", redraws=True)),
        ("", LogLine("")),
        ("std::vector", LogLine("std::vector")),
        ("a line about FILE_META::x:1:y", LogLine("a line about FILE_META::x:1:y")),
        ("END_OF_FILE\n", LogLine("END_OF_FILE")),
        ("PACKAGE_TYPE", LogLine("PACKAGE_TYPE")),
        ("INFO::ready", LogLine("INFO::ready")),
    ],
)
def test_what_is_no_frame_is_a_line_of_output(text: str, line: LogLine) -> None:
    assert decode(text) == line


@pytest.mark.parametrize(
    "text",
    [
        "FILE_META::",
        "FILE_META::a.zip",
        "FILE_META::a.zip:12",
        "FILE_META::a.zip:twelve:False",
        "FILE_META::a.zip:-1:False",
        f"FILE_META::a.zip:{10**30}:False",
    ],
)
def test_an_announcement_without_name_and_size_is_unreadable(text: str) -> None:
    with pytest.raises(LegacyFrameUnreadable, match="FILE_META"):
        decode(text)


@pytest.mark.parametrize(("last", "wanted"), [("True", True), ("true", True), ("False", False), ("x", False)])
def test_a_client_says_whether_it_wants_progress(last: str, wanted: bool) -> None:
    assert FileMeta("a.zip", 1, last).wants_progress is wanted


def test_an_error_without_a_status_still_names_its_job() -> None:
    assert decode("TRAIN_JOB_ERROR::centroid") == TrainJobError("centroid", "")


@given(st.text())
def test_a_line_is_taken_for_a_frame_by_nobody_wherever_he_looks(text: str) -> None:
    for word in ("FILE_META::", "PROGRESS_REPORT::", "PACKAGE_TYPE::track", "TRAIN_JOB_ERROR::", "CR::"):
        line = f"{text}{word}{text}"
        for frame in (LogLine(line), LogLine(line, redraws=True), TrackLog(line)):
            assert word not in str(encode(frame))


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    for begin in ("", "TRAIN_JOB_ERROR::", "\r", "TRACK_LOG:"):
        decode(begin + text)


@given(st.text(), st.integers(0, 10**17), st.sampled_from(["True", "False", "models", r"D:\runs"]))
def test_a_name_may_have_colons(name: str, size: int, last: str) -> None:
    frame = FileMeta(name, size, last)
    assert decode(str(encode(frame))) == frame


def test_progress_is_carried_verbatim() -> None:
    said = '{"event": "batch_end",  "logs": {"loss": NaN, "x": "a::b FILE_META::"}}\n'
    assert decode(str(encode(ProgressReport(said)))) == ProgressReport(said)
