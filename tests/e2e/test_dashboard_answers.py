"""Every panel has an answer from a Prometheus that saw the product at work, and the right one.

Run with `make test-dashboards`, which installs Prometheus where it may.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.figures import FIGURES
from support.figures.seen import Seen
from support.measured_run import MeasuredRun, board

from dashboards.boards import BOARDS
from dashboards.picture import draw

if TYPE_CHECKING:
    from collections.abc import Iterator

# The run takes two minutes, more on a machine that has other things to do.
pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
PICTURES = os.environ.get("SLEAP_RTC_PICTURES", "")
QUESTIONS = [panel.question for built in BOARDS for panel in built.panels]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, package: Path, small_package: Path) -> Iterator[Seen]:
    for asked, did in MeasuredRun(tmp_path_factory.mktemp("measured"), package, small_package).go():
        yield Seen(asked, did)


def test_every_panel_is_held_against_what_was_done() -> None:
    assert sorted(FIGURES) == sorted(QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_panel_has_an_answer(seen: Seen, question: str) -> None:
    assert seen.answer(question)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_panel_has_the_right_answer(seen: Seen, question: str) -> None:
    figures = list(FIGURES[question](seen))
    assert figures
    assert [figure for figure in figures if not figure.right] == []


def test_every_byte_that_was_sent_is_counted_once(seen: Seen) -> None:
    datasets = seen.told('sleap_rtc_transfer_size_bytes_total{direction="upload",content="dataset"}')
    assert datasets == seen.did.uploaded_bytes


def test_models_lie_in_s3_or_with_peers_once_for_each_pull(seen: Seen) -> None:
    models = 'sleap_rtc_transfer_size_bytes_total{direction="download",content="model",part="client"}'
    assert 0 <= seen.told(models) - seen.did.pulled_bytes <= seen.did.damaged_bytes


def test_a_killed_worker_is_counted_once(seen: Seen) -> None:
    assert seen.told('sleap_rtc_job_steps_total{state="lost"}') == seen.did.lost_workers


@pytest.mark.parametrize("uid", [built.uid for built in BOARDS])
def test_a_dashboard_is_drawn_from_what_was_answered(seen: Seen, uid: str, tmp_path: Path) -> None:
    picture = (ROOT / PICTURES if PICTURES else tmp_path) / f"{uid}.png"
    draw(board(uid), seen.of_board(uid), picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_every_promise_was_looked_after(seen: Seen) -> None:
    assert seen.asked.value("count(sleap_rtc:slo_budget:burn3d)") == 4
