"""The words by which a job is watched and commanded: pinned, and bounded where they come from outside."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sleap_rtc.events.job_commands import (
    CancelTransfer,
    CommandAnswer,
    Pause,
    Sample,
    SetLearningRate,
    Stop,
)
from sleap_rtc.events.job_progress import (
    MOST_LINE_CHARACTERS,
    BatchEnded,
    CommandAnswered,
    EpochEnded,
    GpuMeasured,
    LineLogged,
    MachineMeasured,
    RunEnded,
    StepTaken,
    Told,
    TrainingBegun,
    TransferMoved,
    read_told,
)
from sleap_rtc.live.file_frames import MOST_FRAME_BYTES
from sleap_rtc.live.job_talk import (
    Answered,
    Attach,
    Attached,
    GiveCommand,
    JobTold,
    Refused,
    TalkUnreadable,
    read_job_reply,
    read_job_request,
)

JOB = "01KAZ3CJ9C0000000000000000"
COMMAND = "01KAZ3CJ9C0000000000000001"
GOLDEN = Path(__file__).parent / "golden" / "job_talk.txt"
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
DONE = CommandAnswer(outcome="done", text="paused after batch 12 of epoch 3")
EVENTS = [
    StepTaken(state="training", note="dataset verified"),
    LineLogged(text="Zeile mit ä und 🐁"),
    TrainingBegun(trainer="reference trainer", abilities=("pause", "stop"), epochs=5, batches=7),
    EpochEnded(epoch=1, logs={"train/loss": 0.5, "val/loss": float("inf")}),
    BatchEnded(epoch=1, batch=3, logs={"loss": float("nan")}),
    MachineMeasured(
        cpu_percent=12.5,
        memory_used_bytes=1,
        memory_total_bytes=2,
        gpus=(GpuMeasured(name="A100", utilisation_percent=99.0),),
    ),
    TransferMoved(direction="upload", name="best.ckpt", done_bytes=1, total_bytes=2, bytes_per_s=3.5),
    CommandAnswered(command_id=COMMAND, name="pause", by="ada", answer=DONE),
    RunEnded(state="published"),
]
MESSAGES = [
    Attach(id=1, job_id=JOB, run=7, after=120),
    GiveCommand(id=2, job_id=JOB, command_id=COMMAND, command=Pause()),
    GiveCommand(id=3, job_id=JOB, command_id=COMMAND, command=SetLearningRate(value=1e-4)),
    GiveCommand(id=4, job_id=JOB, command_id=COMMAND, command=Sample(frame=7)),
    GiveCommand(id=5, job_id=JOB, command_id=COMMAND, command=Stop()),
    GiveCommand(id=6, job_id=JOB, command_id=COMMAND, command=CancelTransfer()),
    Attached(id=1, job_id=JOB, run=7, newest=130),
    Answered(id=2, command_id=COMMAND, answer=DONE),
    Refused(id=3, code="unknown_job", why="this worker is not at it"),
    *(
        JobTold(job_id=JOB, told=Told(run=7, seq=seq, at=NOW, event=event))
        for seq, event in enumerate(EVENTS, 1)
    ),
]


def test_the_messages_are_those_that_were_agreed_on() -> None:
    assert "".join(f"{message.text()}\n" for message in MESSAGES) == GOLDEN.read_text(encoding="utf-8")


def test_what_is_written_is_read_back() -> None:
    for message in MESSAGES:
        read = read_job_request if isinstance(message, Attach | GiveCommand) else read_job_reply
        found = read(message.text())
        assert found is not None
        assert found.text() == message.text()


ATTACH = '{"v":1,"op":"attach","id":1,"job_id":"JOB"}'
COMMANDED = '{"v":1,"op":"command","id":1,"job_id":"JOB","command_id":"COMMAND","command":{"name":"pause"}}'
RATE = COMMANDED.replace('"pause"', '"set_learning_rate","value":VALUE')


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"op":"attach"}',
        ATTACH.replace('"v":1', '"v":2'),
        ATTACH.replace("JOB", "../../etc"),
        ATTACH.replace('"id":1', '"id":0'),
        ATTACH.replace("}", ',"after":-1}'),
        COMMANDED.replace("pause", "format"),
        COMMANDED.replace("COMMAND", "x"),
        *(RATE.replace("VALUE", value) for value in ("0", "-1", "NaN", "Infinity", "1e999", "2000", '"x"')),
        "[" * 20_000,
    ],
)
def test_a_request_that_is_none_is_told_from_one(text: str) -> None:
    with pytest.raises(TalkUnreadable):
        read_job_request(text.replace("JOB", JOB).replace("COMMAND", COMMAND))


def test_what_a_newer_worker_adds_is_passed_over() -> None:
    told = Told(run=1, seq=1, at=NOW, event=StepTaken(state="training"))
    newer = JobTold(job_id=JOB, told=told).text().replace('"step"', '"dreamt"')
    assert read_job_reply(newer) is None
    assert read_told(b"{") is None


def test_the_longest_line_fits_into_a_message() -> None:
    for character in ("\x00", "ä", "🐁", '"'):
        line = LineLogged(text=character * MOST_LINE_CHARACTERS)
        text = JobTold(job_id=JOB, told=Told(run=7, seq=1, at=NOW, event=line)).text()
        assert len(text.encode()) <= MOST_FRAME_BYTES
