"""A job in lines: each thing once, progress once a second, and whatever there is as JSON."""

from __future__ import annotations

import json
import math

import pytest
from client.live_vocabulary import BEGUN, view
from support.jobs import NOON, claim, queued_job

from sleap_rtc.client.live_items import (
    EventsMissed,
    Item,
    JobSeen,
    Link,
    LinkState,
    LogRead,
    Over,
    ServiceAway,
)
from sleap_rtc.client.live_json import live_line
from sleap_rtc.client.live_words import LiveWords
from sleap_rtc.events.job_commands import CommandAnswer
from sleap_rtc.events.job_progress import (
    BatchEnded,
    CommandAnswered,
    EpochEnded,
    GpuMeasured,
    JobEvent,
    LineLogged,
    MachineMeasured,
    RunEnded,
    StepTaken,
    Told,
    TransferMoved,
)

GPU = GpuMeasured(name="A100", utilisation_percent=97.0)
MOVED = TransferMoved(
    direction="upload", name="m", done_bytes=1_000_000, total_bytes=4_000_000, bytes_per_s=1e6
)
SAID: list[tuple[JobEvent, str]] = [
    (StepTaken(state="training"), "training"),
    (LineLogged(text="hello"), "  hello"),
    (BEGUN, "sleap-nn is ready, 10 epochs; it can be told: pause"),
    (EpochEnded(epoch=0, logs={"train/loss": 0.5, "val/loss": 0.25}), "epoch 1  loss 0.5  validation 0.25"),
    (EpochEnded(epoch=1, logs={"val/loss": math.nan}), "epoch 2  val/loss is not a finite number"),
    (BatchEnded(epoch=0, batch=4, logs={"loss": 0.5}), "epoch 1, batch 5  loss 0.5"),
    (
        MachineMeasured(cpu_percent=5, memory_used_bytes=10**9, memory_total_bytes=2 * 10**9, gpus=(GPU,)),
        "Host CPU 5 %  memory 1.0 GB of 2.0 GB, GPU  A100  97 %",
    ),
    (MOVED, "Uploading model to room storage…  25%  1.0 MB of 4.0 MB  1.0 MB/s  0:03 left"),
    (
        MOVED.model_copy(update={"state": "failed", "trouble": "no answer"}),
        "Uploading model to room storage…  25%  1.0 MB of 4.0 MB  failed (no answer)",
    ),
    (
        CommandAnswered(
            command_id="0" * 26, name="pause", by="ada", answer=CommandAnswer(outcome="done", text="it holds")
        ),
        "pause by ada: it holds",
    ),
    (RunEnded(state="published", text="fine"), "the worker is done with it: published  fine"),
]


def told(event: JobEvent, seq: int = 1) -> Told:
    return Told(run=1, seq=seq, at=NOON, event=event)


@pytest.mark.parametrize(("event", "words"), SAID)
def test_every_event_has_a_line(event: JobEvent, words: str) -> None:
    assert LiveWords().lines(told(event), 0.0) == [f"12:00:00  {words}"]


def test_progress_is_said_once_a_second_and_the_rest_always() -> None:
    words = LiveWords()
    said = [
        bool(words.lines(told(event), now))
        for event, now in (
            (MOVED, 0.0),
            (MOVED, 0.5),
            (LineLogged(text="a line"), 0.6),
            (BatchEnded(epoch=0, batch=1), 0.9),
            (BatchEnded(epoch=0, batch=2), 1.0),
        )
    ]
    assert said == [True, False, True, False, True]


def test_a_step_is_said_once_whoever_says_it_first() -> None:
    words, held = LiveWords(), view(claim(queued_job()))
    assert words.lines(told(StepTaken(state="claimed")), 0.0) == ["12:00:00  claimed"]
    assert words.lines(JobSeen(held), 0.0) == ["12:00:00  uploaded", "12:00:00  queued"]
    assert words.lines(told(StepTaken(state="claimed")), 0.0) == []
    assert words.lines(Over(held), 0.0) == []


ITEMS: list[tuple[Item, str]] = [
    (told(BEGUN), "event"),
    (LinkState(Link.DIRECT, peer_id="gpu"), "link"),
    (JobSeen(view(queued_job())), "job"),
    (EventsMissed(1), "missed"),
    (LogRead("first\nsecond\n"), "log"),
    (ServiceAway("The service does not answer."), "service"),
    (Over(view(queued_job())), "over"),
]


@pytest.mark.parametrize(("item", "kind"), ITEMS)
def test_every_item_has_a_line_of_json_and_words(item: Item, kind: str) -> None:
    line = json.loads(json.dumps(live_line(item)))
    assert line["type"] == kind
    assert LiveWords().lines(item, 0.0)


def test_a_loss_that_is_no_number_is_valid_json() -> None:
    line = live_line(told(EpochEnded(epoch=0, logs={"loss": math.nan, "val/loss": -math.inf})))
    assert json.loads(json.dumps(line, allow_nan=False))["event"]["logs"] == {
        "loss": "NaN",
        "val/loss": "-Infinity",
    }
    again = Told.model_validate({"v": 1, **{name: line[name] for name in ("run", "seq", "at", "event")}})
    assert isinstance(again.event, EpochEnded)
    assert math.isnan(again.event.logs["loss"])
