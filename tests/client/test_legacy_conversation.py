from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.client.legacy_conversation import LegacyConversation, Patience, Phase
from sleap_rtc.live.legacy_frames import LegacyFrame, decode
from sleap_rtc.storage.errors import ExitCode

WORKER = "old-gpu"
TRAINED = ("TRAIN_JOB_START::centroid", "Epoch 0\n", "TRAIN_JOB_END::centroid", "TRAINING_JOBS_DONE")
FILE = ("FILE_META::trained_p.zip:3:models", "END_OF_FILE")
WORDS = (
    *TRAINED,
    *FILE,
    "TRAIN_JOB_ERROR::centroid::3",
    "PROGRESS_REPORT::{}",
    "INFERENCE_START",
    "INFERENCE_JOB_START::inference",
    "TRACK_LOG:a line",
    "INFERENCE_JOB_END::inference",
    "INFERENCE_JOB_ERROR::inference::1",
    "INFERENCE_ERROR::No track script found",
    "INFERENCE_JOBS_DONE",
    "AUTH_CHALLENGE::bm9uY2U=",
    "\rEpoch 1",
)


def after(*words: str) -> LegacyConversation:
    talk = LegacyConversation(WORKER)
    for word in words:
        talk.take(decode(word))
    return talk


def phases(*words: str) -> list[Phase]:
    return [after(*words[:count]).phase for count in range(1, len(words) + 1)]


def test_a_training_goes_from_phase_to_phase() -> None:
    assert phases(*TRAINED, *FILE) == [
        Phase.FIRST_LINE,
        Phase.LINES,
        Phase.RESULTS,
        Phase.RESULTS,
        Phase.FILE,
        Phase.OVER,
    ]
    assert after(*TRAINED, *FILE).done == ["centroid"]


def test_after_nothing_but_errors_nothing_is_waited_for() -> None:
    talk = after("TRAIN_JOB_START::a", "oh no\n", "TRAIN_JOB_ERROR::a::3", "TRAINING_JOBS_DONE")
    assert talk.phase is Phase.OVER
    assert talk.failed().exit_code is ExitCode.JOB_FAILED
    assert "exit code 3" in str(talk.failed())
    assert "oh no" in str(talk.failed())


def test_a_file_that_follows_nothing_but_errors_is_of_another_job() -> None:
    talk = after("TRAIN_JOB_START::a", "TRAIN_JOB_ERROR::a::3", "TRAINING_JOBS_DONE", FILE[0])
    assert talk.phase is Phase.OVER


def test_after_one_error_of_two_the_results_are_waited_for() -> None:
    talk = after(*TRAINED[:3], "TRAIN_JOB_START::b", "TRAIN_JOB_ERROR::b::1", "TRAINING_JOBS_DONE")
    assert talk.phase is Phase.RESULTS
    assert [failure.job for failure in talk.failures] == ["b"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("INFERENCE_ERROR::No track script found",), "No track script found"),
        (("INFERENCE_JOB_START::inference", "INFERENCE_JOB_ERROR::inference::2"), "exit code 2"),
        (("INFERENCE_JOB_END::inference", "INFERENCE_JOBS_DONE"), "it made no predictions"),
    ],
)
def test_an_inference_that_brings_nothing_is_over(words: tuple[str, ...], says: str) -> None:
    talk = after(*words)
    assert talk.phase is Phase.OVER
    assert says in str(talk.failed())


def test_an_inference_is_over_with_its_file_and_not_before() -> None:
    words = ("INFERENCE_START", "INFERENCE_JOB_END::inference", *FILE, "INFERENCE_JOBS_DONE")
    assert after(*words[:3]).phase is Phase.FILE
    talk = after(*words)
    assert talk.phase is Phase.OVER
    assert not talk.failures


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "did not begin"),
        (TRAINED[:1], "its engine may be missing"),
        (TRAINED[:2], "said nothing of centroid any more"),
        (TRAINED, "did not send the results of centroid"),
        ((*TRAINED, FILE[0]), "stopped in the middle of the results"),
    ],
)
def test_silence_means_something_else_in_each_phase(words: tuple[str, ...], says: str) -> None:
    error = after(*words).silent(60)
    assert says in str(error)
    assert WORKER in str(error)
    assert error.exit_code is ExitCode.UNREACHABLE


def test_a_training_is_given_more_time_than_its_first_line() -> None:
    patience = Patience()
    assert patience.of(after(*TRAINED[:1]).phase) < patience.of(after(*TRAINED[:2]).phase)


def test_a_keep_alive_of_later_versions_changes_nothing() -> None:
    talk = after("AUTH_CHALLENGE::bm9uY2U=", "JOB_PROGRESS::x")
    talk.take(b"KEEP_ALIVE")
    assert talk.phase is Phase.PACKAGE


@given(st.lists(st.sampled_from(WORDS)))
def test_whatever_comes_in_whatever_order_every_phase_has_an_end(words: list[str]) -> None:
    talk = LegacyConversation(WORKER)
    frames: list[LegacyFrame] = [decode(word) for word in words]
    for frame in frames:
        talk.take(frame)
        assert Patience().of(talk.phase) >= 0
        assert WORKER in str(talk.silent(1))
        assert WORKER in str(talk.gone("it left"))
