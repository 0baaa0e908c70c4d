"""`sleap-rtc costs` without a service: forecasts, the comparison with TURN, price tables, pictures."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from support.desktop import MemoryLab
from support.product import Said

from sleap_rtc.client.cost_display import money, print_saving
from sleap_rtc.client.cost_plot import plot_costs
from sleap_rtc.events.room_bill import Period, RoomFacts, room_bill
from sleap_rtc.storage.price_list import GB
from sleap_rtc.storage.price_table import LIST_PRICES, PACKAGED
from sleap_rtc.storage.relay_alternative import Assumptions
from sleap_rtc.storage.usage import Usage
from sleap_rtc.storage.usage_keys import Account

if TYPE_CHECKING:
    from pathlib import Path


def costs(*arguments: str, **environment: str) -> Said:
    """Run the command."""
    done = subprocess.run(
        [sys.executable, "-m", "sleap_rtc.client", "costs", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def five_gb(tmp_path: Path) -> Path:
    path = tmp_path / "five.zip"
    with path.open("wb") as file:
        file.truncate(5 * GB)
    return path


def test_a_forecast_says_costs_saving_and_every_assumption(five_gb: Path) -> None:
    elsewhere = costs("forecast", str(five_gb), "--json").json()
    assert elsewhere["cost"]["egress"] == pytest.approx(5.05 * 0.09)
    assert elsewhere["saving"] == pytest.approx(elsewhere["relay"] - elsewhere["total"])
    assert elsewhere["saving"] < 0
    in_region = costs(
        "forecast", str(five_gb), "--worker", "in-region", "--relay-share", "1", "--json"
    ).json()
    assert in_region["cost"]["egress"] == pytest.approx(0.05 * 0.09)
    assert in_region["saving"] > 0
    told = costs("forecast", str(five_gb)).out
    assert "USD more" in told
    for sentence in elsewhere["assumptions"]:
        assert sentence in told


def test_a_forecast_for_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    told = costs("forecast", str(tmp_path / "nothing.zip"))
    assert told.status == 3
    assert "nothing.zip" in told.sentence


def test_the_comparison_is_the_published_table() -> None:
    found = costs("compare", "--json").json()
    by_case = {
        (each["relay_gb"], each["relay_share"], each["resent"], each["worker"]): each
        for each in found["savings"]
    }
    assert by_case[0.4, 0.5, 1.0, "elsewhere"]["verdict"] == "as claimed"
    assert by_case[0.4, 0.2, 1.0, "elsewhere"]["saving"] < 0
    told = costs("compare").out
    assert "S3 costs more" in told
    assert "never" in told


def test_prices_can_be_printed_changed_and_used(five_gb: Path, tmp_path: Path) -> None:
    printed = costs("prices")
    assert printed.out == PACKAGED.read_text("utf-8")
    table = tmp_path / "ours.toml"
    table.write_text(printed.out.replace("per_gb_out = 0.09", "per_gb_out = 0.01").replace('"USD"', '"EUR"'))
    found = costs("forecast", str(five_gb), "--json", SLEAP_RTC_PRICE_TABLE=str(table)).json()
    assert found["cost"]["egress"] == pytest.approx(5.05 * 0.01)
    assert found["prices"]["currency"] == "EUR"
    assert "EUR" in costs("compare", SLEAP_RTC_PRICE_TABLE=str(table)).out


def test_a_bad_price_table_is_one_sentence(five_gb: Path, tmp_path: Path) -> None:
    table = tmp_path / "ours.toml"
    table.write_text(PACKAGED.read_text("utf-8").replace("per_gb = 0.40", "per_gb = -1.0"))
    for command in (("forecast", str(five_gb)), ("compare",), ("prices",)):
        told = costs(*command, SLEAP_RTC_PRICE_TABLE=str(table))
        assert told.status == 3
        assert "turn.per_gb" in told.sentence
        assert str(table) in told.sentence
    good = costs("prices", "--packaged", SLEAP_RTC_PRICE_TABLE=str(table))
    assert good.out == PACKAGED.read_text("utf-8")


def test_a_room_has_to_be_named() -> None:
    told = costs()
    assert told.status == 3
    assert "--room-id" in told.sentence


@pytest.fixture
def bill() -> Any:
    lab = MemoryLab()
    lab.claimed()
    (job,) = lab.jobs.newest(lab.room_id, 1)
    period = Period(job.created_at, datetime.now(UTC))
    used = {Account(lab.room_id, "job", job.job_id): Usage(bytes={"download.internet.dataset": GB})}
    facts = RoomFacts(lab.room_id, period, [job], {}, used)
    return room_bill(facts, LIST_PRICES, Assumptions())


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_costs_can_be_drawn(bill: Any, tmp_path: Path, ending: str) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    path = tmp_path / f"costs.{ending}"
    plot_costs(bill, path)
    assert path.stat().st_size > 1000


def test_small_amounts_are_not_nothing_and_negative_savings_are_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (money(0), money(0.0000004), money(12.345)) == ("0", "0.0000004", "12.35")
    for total, relay in ((1.0, 2.0), (2.0, 1.0), (1.0, 0.0)):
        print_saving(total, relay, "USD")
    told = capsys.readouterr().out
    assert "S3 saved 1.00 USD (50%)" in told
    assert "S3 cost 1.00 USD more (100%)" in told
    assert "cost nothing" in told
