"""The live view at several sizes: what matters is there, nothing is wider or higher than the terminal."""

from __future__ import annotations

import io
import math
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from client.live_vocabulary import BEGUN, Story, view
from client.test_live_keys import ABLE
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text
from support.jobs import NOON, claim, queued_job

from sleap_rtc.client.live_items import JobSeen, Link, LinkState, ServiceAway
from sleap_rtc.client.live_screen import LiveScreen
from sleap_rtc.events.job_progress import (
    BatchEnded,
    GpuMeasured,
    LineLogged,
    MachineMeasured,
    StepTaken,
    TransferMoved,
)

if TYPE_CHECKING:
    from sleap_rtc.client.live_model import LiveModel

GPU = GpuMeasured(
    name="NVIDIA A100",
    utilisation_percent=97.0,
    memory_used_bytes=31_200_000_000,
    memory_total_bytes=40_000_000_000,
    temperature_c=71.0,
    power_w=287.0,
)
MACHINE = MachineMeasured(
    cpu_percent=34.5, memory_used_bytes=12_100_000_000, memory_total_bytes=64_000_000_000, gpus=(GPU,)
)
UPLOAD = TransferMoved(
    direction="upload", name="best.ckpt", done_bytes=24_000_000, total_bytes=130_000_000, bytes_per_s=8e6
)


def training(epochs: int = 37, *, able: bool = True) -> Story:
    """Return a training in its midst, with everything that there can be to show."""
    story = Story()
    story.model.take(JobSeen(view(claim(queued_job(), "gpu-1"))))
    story.model.take(LinkState(Link.DIRECT, peer_id="ada#worker"))
    story.tell(StepTaken(state="downloading"))
    story.tell(StepTaken(state="training"))
    story.tell((ABLE if able else BEGUN).model_copy(update={"epochs": 100, "batches": 75}))
    for number in range(epochs):
        loss = 2 * math.exp(-number / 9) + 0.01
        story.epoch(number, after_s=9.0, train_loss=loss, val_loss=loss * 1.2, train_lr=1e-4)
        story.tell(LineLogged(text=f"the line of epoch {number}"), after_s=0.0)
    story.tell(BatchEnded(epoch=epochs, batch=30, logs={"loss": 0.0123}))
    story.tell(MACHINE)
    story.tell(UPLOAD)
    story.answer("pause")
    return story


def shown(model: LiveModel, width: int, height: int, below: str = "", **options: str) -> list[str]:
    """Return what stands on a terminal of this size."""
    file = io.StringIO()
    console = Console(file=file, width=width, height=height, force_terminal=True, _environ=options)
    screen = LiveScreen(model, lambda: 0.012, lambda: Text(below), lambda: NOON + timedelta(minutes=9))
    console.print(screen, height=height)
    lines = Text.from_ansi(file.getvalue()).plain.splitlines()
    assert all(cell_len(line) <= width for line in lines), lines
    assert len(lines) <= height
    return lines


def test_everything_is_shown_where_there_is_room() -> None:
    lines = shown(training().model, 110, 40)
    whole = "\n".join(lines)
    assert len(lines) == 40
    for part in (
        "Job 01KAZ3CJ9C0000000000000ABC  room lab  training paused",
        "● direct  12 ms",
        "worker gpu-1  trainer sleap-nn",
        "12:00:01 downloading → 12:00:02 training",
        "Epoch 38 of 100  batch 31 of 75",
        "9:27 left",
        "loss 0.0123  validation 0.05596  rate 0.0001  best 0.05596 at epoch 37",
        "Uploading model to room storage…  ━",
        "24.0 MB of 130.0 MB  8.0 MB/s  0:13 left",
        "Loss ── validation ╴╴ training",
        "Host CPU 34 %  memory 12.1 GB of 64.0 GB",
        "GPU  NVIDIA A100  97 %  memory 31.2 GB of 40.0 GB  71 °C  287 W",
        "the line of epoch 36",
        "pause by ada: so be it",
    ):
        assert part in whole, whole
    assert lines[-1].startswith("p pause  r resume  s stop  l learning rate  v sample  t transfer")


@pytest.mark.parametrize(("width", "height"), [(60, 15), (80, 24), (60, 40), (200, 60)])
def test_on_any_terminal_the_state_the_progress_and_the_keys_are_there(width: int, height: int) -> None:
    lines = shown(training().model, width, height)
    whole = "\n".join(lines)
    assert len(lines) == height
    for part in ("training paused", "● direct", "Epoch 38 of 100", "0.0123", "Uploading model", "0:13 left"):
        assert part in whole, whole
    assert "pause by ada" in whole
    assert "q leave" in lines[-1]
    assert "Loss ──" in whole


def test_a_short_terminal_gives_up_the_least_important_first() -> None:
    whole = "\n".join(shown(training().model, 60, 15))
    assert "Host" not in whole
    assert "trainer" not in whole


@pytest.mark.parametrize("height", range(1, 12))
def test_even_a_few_lines_have_the_keys(height: int) -> None:
    assert "q leave" in shown(training().model, 60, height)[-1]


def test_there_are_no_colours_where_nobody_wants_them() -> None:
    file = io.StringIO()
    environment = {"NO_COLOR": "1", "TERM": "xterm-256color"}
    console = Console(file=file, width=110, height=40, force_terminal=True, _environ=environment)
    console.print(LiveScreen(training().model), height=40)
    # Bold and dim are no colours.
    codes = re.findall(r"\x1b\[([0-9;]*)m", file.getvalue())
    assert {code for each in codes for code in each.split(";")} <= {"0", "1", "2", "7"}


def test_keys_that_do_nothing_are_dim() -> None:
    file = io.StringIO()
    console = Console(file=file, width=110, height=40, force_terminal=True, color_system="standard")
    console.print(LiveScreen(training(able=False).model), height=40)
    bar = file.getvalue().splitlines()[-1]
    assert "\x1b[1;7mp\x1b[0m pause" in bar
    assert "\x1b[2ml\x1b[0m\x1b[2m learning rate\x1b[0m" in bar


def test_what_is_asked_stands_above_the_keys() -> None:
    assert shown(training().model, 110, 40, below="Stop it? y/n")[-2] == "Stop it? y/n"


def test_a_job_that_waits_says_why_and_one_that_failed_too() -> None:
    story = Story()
    story.model.take(LinkState(Link.WAITING, "position 1: no worker takes jobs of this room"))
    story.model.take(JobSeen(view(queued_job())))
    whole = "\n".join(shown(story.model, 110, 20))
    assert "● waiting for a worker: position 1: no worker takes jobs of this room" in whole
    story.model.take(ServiceAway("The service does not answer. The job goes on; trying again."))
    assert "trying again" in "\n".join(shown(story.model, 110, 20))


@pytest.mark.parametrize("width", [40, 60])
def test_a_reason_is_told_to_its_end_on_a_narrow_terminal(width: int) -> None:
    story = Story()
    why = "no worker takes jobs of this room; `sleap-rtc worker -r 3221f18d` starts one on a GPU"
    story.model.take(LinkState(Link.WAITING, why))
    assert why in " ".join(line.strip() for line in shown(story.model, width, 24))


def test_a_transfer_that_is_done_says_so_where_there_is_just_room_for_it() -> None:
    story = training()
    story.tell(UPLOAD.model_copy(update={"done_bytes": 212_900, "total_bytes": 212_900, "state": "done"}))
    for width in range(40, 120):
        assert any(line.rstrip().endswith("done") for line in shown(story.model, width, 40))


def test_a_loss_that_is_no_number_is_shown_and_explained() -> None:
    story = training()
    story.epoch(40, train_loss=math.nan, val_loss=math.inf)
    whole = "\n".join(shown(story.model, 110, 40))
    assert "loss nan  validation inf" in whole
    assert "not a finite number any more" in whole


def test_a_transfer_that_went_wrong_says_so() -> None:
    story = training()
    story.tell(UPLOAD.model_copy(update={"state": "failed", "trouble": "the store does not answer"}))
    assert "failed (the store does not answer)" in "\n".join(shown(story.model, 120, 40))


def test_thousands_of_epochs_and_words_in_any_script_fit() -> None:
    story = training(5000)
    story.tell(LineLogged(text="学習中 " * 100))
    story.tell(TransferMoved(direction="download", name="マウス " * 40, done_bytes=1, total_bytes=2))
    shown(story.model, 80, 24)


@settings(max_examples=50)
@given(st.integers(1, 250), st.integers(1, 80))
def test_no_size_is_too_small_or_too_large(width: int, height: int) -> None:
    shown(training(12).model, width, height)
