"""The whole view: keys become commands to a real worker, and answers and pictures come back."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from support.job_lab import JobLab, ended, queued_job
from support.product import WITHIN_S

from sleap_rtc.client.job_files import save_file
from sleap_rtc.client.live_view import LiveView
from sleap_rtc.events.job_progress import EpochEnded, RunEnded, TrainingBegun
from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sleap_rtc.client.live_job import LiveJob

PNG = b"\x89PNG\r\n\x1a\n and the rest"
BEGUN = TrainingBegun(trainer="sleap-nn", abilities=("pause", "resume", "stop", "sample"), epochs=9)


class Person:
    """Presses keys once something is to be seen."""

    def __init__(self, *script: tuple[str, str]) -> None:
        self._script = list(script)
        self._until = time.monotonic() + WITHIN_S
        self.shown: Callable[[], str] = str

    def next(self, within_s: float) -> str:
        assert time.monotonic() < self._until, self.shown()
        if self._script and self._script[0][0] in self.shown():
            return self._script.pop(0)[1]
        return ""


def look(live: LiveJob, folder: Path, *script: tuple[str, str]) -> tuple[LiveView, str, bool]:
    """Return the view at its end, all that was drawn, and whether the job had ended then."""
    person, file = Person(*script), io.StringIO()
    console = Console(file=file, width=100, height=30, force_terminal=True)
    view = LiveView(live, person, folder)
    person.shown = lambda: "\n".join(line.plain for line in view.screen.lines(100, 30))
    with live:
        job = view.run(console)
    return view, file.getvalue(), job is not None


@pytest.fixture
def lab() -> Iterator[JobLab]:
    with JobLab() as lab:
        yield lab


def test_keys_command_the_worker_and_a_sample_is_saved(lab: JobLab, tmp_path: Path) -> None:
    worker, run = lab.worker_at(queued_job())
    worker.sample = tmp_path / "sample.png"
    worker.sample.write_bytes(PNG)
    run.tell(BEGUN)
    folder = tmp_path / "here"
    folder.mkdir()
    _, drawn, over = look(
        lab.live_job(),
        folder,
        ("● direct", "p"),
        ("claimed paused", "l"),
        ("the trainer (sleap-nn) cannot do that", "v"),
        ("The sample is here", "s"),
        ("y/n", "y"),
        ("stop it is", "q"),
    )
    assert [name for name, _ in worker.obeyed] == ["pause", "sample", "stop"]
    assert (folder / "sample.png").read_bytes() == PNG
    assert not over
    assert drawn.startswith("\x1b[?1049h")
    assert drawn.endswith("\x1b[?25h\x1b[?1049l")


def test_a_command_that_nobody_takes_says_so_and_the_view_goes_on(lab: JobLab, tmp_path: Path) -> None:
    _, run = lab.worker_at(queued_job())
    run.tell(BEGUN)
    lab.service.runs.clear()
    live = lab.live_job(engine_missing="aiortc not installed")
    look(live, tmp_path, ("through the service", "p"), ("no worker is at it", "q"))


def test_the_view_ends_with_the_job(lab: JobLab, tmp_path: Path) -> None:
    _, run = lab.worker_at(queued_job())
    run.tell(EpochEnded(epoch=0, logs={"val/loss": 1.0}))
    run.tell(RunEnded(state="published"))
    assert lab.service.job_now is not None
    lab.service.become(ended(lab.service.job_now))
    view, _, over = look(lab.live_job(), tmp_path)
    assert over
    assert view.model.curve is not None


def test_a_sample_takes_the_place_of_nothing(tmp_path: Path) -> None:
    paths = [save_file(tmp_path / "a b.png", PNG + bytes([number])) for number in range(3)]
    assert [path.name for path in paths] == ["a b.png", "a b-2.png", "a b-3.png"]
    assert [path.read_bytes()[-1] for path in paths] == [0, 1, 2]


def test_where_a_sample_cannot_be_saved_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        save_file(tmp_path / "no such folder" / "a.png", PNG)
