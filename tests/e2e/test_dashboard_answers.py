"""Every panel has an answer from a Prometheus that saw the product at work, and the right one.

Run with `make test-dashboards`, which installs Prometheus where it may.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.measured_run import Did, MeasuredRun, board

from dashboards.boards import BOARDS
from dashboards.picture import draw
from sleap_rtc.storage.price_list import GB
from sleap_rtc.storage.price_table import LIST_PRICES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dashboards.answers import Prometheus, Series

# The run takes a minute or two, more on a machine that has other things to do.
pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
PICTURES = os.environ.get("SLEAP_RTC_PICTURES", "")
PANELS = [(built.uid, panel.question) for built in BOARDS for panel in built.panels]


class Seen:
    """What Prometheus answered to every panel, and what the run did."""

    def __init__(self, asked: Prometheus, did: Did) -> None:
        self.asked = asked
        self.did = did
        self._answers = {
            built.uid: {panel["id"]: asked.answers(panel, did.span) for panel in board(built.uid)["panels"]}
            for built in BOARDS
        }

    def answers(self, uid: str) -> dict[int, list[Series]]:
        return self._answers[uid]

    def answer(self, uid: str, question: str) -> list[Series]:
        (number,) = [panel["id"] for panel in board(uid)["panels"] if panel["title"] == question]
        return self._answers[uid][number]

    def told(self, counter: str) -> float:
        """Return what processes counted together, those that are gone among them."""
        span = self.did.span
        return self.asked.value(f"sum(max_over_time({counter}[{int(span.end - span.start)}s]))", span.end)

    def figure(self, question: str, *names: str) -> float:
        """Return what a panel says last, of the series that are called so, or of all."""
        (uid,) = [uid for uid, asked in PANELS if asked == question]
        return sum(one.last for one in self.answer(uid, question) if not names or one.name in names)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, package: Path, small_package: Path) -> Iterator[Seen]:
    for asked, did in MeasuredRun(tmp_path_factory.mktemp("measured"), package, small_package).go():
        yield Seen(asked, did)


@pytest.mark.parametrize(("uid", "question"), PANELS, ids=[f"{uid}: {asked}" for uid, asked in PANELS])
def test_a_panel_has_an_answer(seen: Seen, uid: str, question: str) -> None:
    assert seen.answer(uid, question)


FIGURES: dict[tuple[str, ...], Callable[[Did], float]] = {
    ("How many jobs were published?",): lambda did: did.published,
    ("How many messages were given up?",): lambda did: did.poison,
    ("Did any bytes arrive that were not the right ones?",): lambda _: 0,
    ("Which share of the transfers failed?",): lambda _: 0,
    ("How long has the oldest waiting job waited?",): lambda _: 0,
    ("Why did jobs fail?", "config_refused"): lambda did: did.refused_jobs,
    ("Which jobs fail, and why?", "config_refused"): lambda did: did.refused_jobs,
    ("Does the sweep run, and what does it mend?", "mended: published"): lambda did: did.lost_notices,
    ("Does the sweep run, and what does it mend?", "sweeps failed"): lambda _: 0,
    ("Who is turned away?", "token"): lambda did: did.refused_tokens,
    ("What do rooms get to hear?", "models published"): lambda did: did.published,
    ("How many clients listen to rooms?",): lambda _: 1,
    ("Which processes tell of themselves?", "service"): lambda _: 1,
    ("What becomes of checkpoints?", "resumed_from"): lambda did: did.lost_workers,
    # Who begins with a dataset misses it; the second job, the one that takes over, and nonsense do not.
    ("How often was the dataset there already?",): lambda did: (
        (2 + did.refused_jobs) / (4 + did.refused_jobs)
    ),
    ("Which alarms are raised?", "ticket: JobsFail"): lambda _: 1,
    ("How many uploads were left unfinished?",): lambda _: 0,
}


@pytest.mark.parametrize("asked", FIGURES, ids=": ".join)
def test_a_figure_is_what_the_run_did(seen: Seen, asked: tuple[str, ...]) -> None:
    assert seen.figure(*asked) == pytest.approx(FIGURES[asked](seen.did), rel=0.01)


def test_every_byte_that_was_sent_is_counted_once(seen: Seen) -> None:
    datasets = seen.told('sleap_rtc_transfer_size_bytes_total{direction="upload",content="dataset"}')
    assert datasets == seen.did.uploaded_bytes
    others = seen.told('sleap_rtc_transfer_size_bytes_total{direction="upload",content!="dataset"}')
    assert seen.figure("How many bytes arrived?", "upload") == pytest.approx(datasets + others, rel=0.01)


def test_what_was_spent_is_what_was_counted_at_the_prices_of_the_table(seen: Seen) -> None:
    for kind, counter, price in (
        ("sqs", "sleap_rtc_sqs_requests_total", LIST_PRICES.sqs),
        (
            "egress",
            'sleap_rtc_transfer_size_bytes_total{direction="download",path="internet"}',
            LIST_PRICES.egress_gb / GB,
        ),
    ):
        spent = seen.told(f'sleap_rtc_cost_usd_total{{kind="{kind}"}}')
        assert spent == pytest.approx(seen.told(counter) * price, rel=0.01)
        assert spent > 0
    assert seen.figure("What was spent?") == pytest.approx(seen.told("sleap_rtc_cost_usd_total"), rel=0.01)


def test_a_killed_worker_is_counted_once(seen: Seen) -> None:
    assert seen.told('sleap_rtc_job_steps_total{state="lost"}') == seen.did.lost_workers


def test_what_was_resumed_is_not_counted_as_sent(seen: Seen) -> None:
    resumed = seen.asked.value('sum(sleap_rtc_transfer_resumed_bytes_total{direction="upload"})')
    assert resumed == seen.did.resumed_bytes > 0


def test_models_lie_in_s3_or_with_peers_once_for_each_pull(seen: Seen) -> None:
    pulled = seen.asked.value(
        'sum(sleap_rtc_transfer_size_bytes_total{direction="download",content="model",part="client"})'
    )
    assert pulled == seen.did.pulled_bytes


@pytest.mark.parametrize("uid", [built.uid for built in BOARDS])
def test_a_dashboard_is_drawn_from_what_was_answered(seen: Seen, uid: str, tmp_path: Path) -> None:
    picture = (ROOT / PICTURES if PICTURES else tmp_path) / f"{uid}.png"
    draw(board(uid), seen.answers(uid), picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_every_promise_was_looked_after(seen: Seen) -> None:
    assert seen.asked.value("count(sleap_rtc:slo_budget:burn3d)") == 4
