"""What `sleap-rtc doctor` says of a machine, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.gpus import NAMES, install_nvidia_smi

from sleap_rtc.storage.errors import ExitCode
from sleap_rtc.worker import checkup
from sleap_rtc.worker.checkup import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product


def doctor(status: int, **environment: str) -> dict[str, dict[str, Any]]:
    """Run the command with nothing but this environment; return its rows by name."""
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
    done = subprocess.run(
        [sys.executable, "-m", "sleap_rtc.client", "doctor", "--json"],
        env={**inherited, "AWS_EC2_METADATA_DISABLED": "true", **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return {row["name"]: row for row in json.loads(done.stdout)}


def test_a_machine_that_has_what_a_worker_needs_is_told_so(product: Product) -> None:
    rows = doctor(0, **product.stack.client_environment)
    assert {name: rows[name]["verdict"] for name in ("worker kind", "credentials", "service", "token")} == {
        "worker kind": "good",
        "credentials": "good",
        "service": "good",
        "token": "good",
    }
    assert (rows["clock"]["verdict"], rows["token"]["told"][:5]) == ("good", "valid")
    assert "reference trainer" in rows["trainer"]["told"]


def test_a_token_that_is_no_good_ends_with_its_own_code(product: Product) -> None:
    forged = {**product.stack.client_environment, "SLEAP_RTC_TOKEN": "forged"}
    assert doctor(int(ExitCode.REFUSED), **forged)["token"]["verdict"] == "bad"


def test_a_service_that_does_not_answer_is_named(tmp_path: Path) -> None:
    rows = doctor(int(ExitCode.UNREACHABLE), SLEAP_RTC_BACKEND_API_URL="http://127.0.0.1:9")
    assert "http://127.0.0.1:9" in rows["service"]["told"]
    assert "clock" not in rows


@pytest.mark.parametrize(
    ("asked", "code", "told"),
    [
        ("", ExitCode.OK, f"GRID T4, {NAMES[1]}, driver 535.104.05"),
        ("1", ExitCode.OK, f"1: {NAMES[1]}, driver 535.104.05, as the setting gpu says"),
        ("2", ExitCode.BAD_INPUT, "There is no GPU 2 for this worker"),
    ],
)
def test_the_gpu_that_is_set_is_looked_for(
    product: Product, tmp_path: Path, asked: str, code: ExitCode, told: str
) -> None:
    with_gpus = {"PATH": install_nvidia_smi(tmp_path, gpus=2), "SLEAP_RTC_GPU": asked}
    rows = doctor(int(code), **product.stack.client_environment, **with_gpus)
    assert rows["GPU"]["told"].startswith(told)


def test_it_makes_no_folder_and_no_file(tmp_path: Path) -> None:
    home = tmp_path / "a home"
    home.mkdir()
    where = {"HOME": str(home), "SLEAP_RTC_DATA_DIR": str(home / "data"), "RUNAI_NUM_OF_GPUS": "1"}
    rows = doctor(int(ExitCode.UNREACHABLE), **where, SLEAP_RTC_BACKEND_API_URL="http://127.0.0.1:9")
    assert list(home.iterdir()) == []
    assert rows["worker kind"]["told"].startswith("runai: RUNAI_NUM_OF_GPUS is set")


@pytest.mark.parametrize(
    ("environment", "asked", "told"),
    [
        ({}, "auto", "desktop: no sign of a pod"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "auto", "kubernetes: KUBERNETES_SERVICE_HOST is set"),
        (
            {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "RUNAI_NUM_OF_GPUS": "1"},
            "auto",
            "runai: RUNAI_NUM_OF_GPUS is set",
        ),
        ({"RUNAI_NUM_OF_GPUS": "1"}, "desktop", "desktop, as the setting worker_kind says"),
    ],
)
def test_the_kind_is_told_with_its_reason(environment: dict[str, str], asked: str, told: str) -> None:
    assert checkup.of_kind(environment, asked).told.startswith(told)


@pytest.mark.parametrize(
    ("skew_s", "verdict"),
    [(0, Verdict.GOOD), (-59, Verdict.GOOD), (120, Verdict.NOTE), (-899, Verdict.NOTE), (901, Verdict.BAD)],
)
def test_a_clock_is_judged_by_what_s3_takes(skew_s: float, verdict: Verdict) -> None:
    assert checkup.of_clock(skew_s).verdict is verdict


@pytest.mark.parametrize(
    ("free_bytes", "writable", "code"),
    [
        (50_000_000_000, True, ExitCode.OK),
        (2_000_000_000, True, ExitCode.OK),
        (999_999_999, True, ExitCode.DISK_FULL),
        (50_000_000_000, False, ExitCode.BAD_INPUT),
    ],
)
def test_a_disk_is_judged_by_its_room(free_bytes: int, writable: bool, code: ExitCode) -> None:
    found = checkup.of_disk("disk", "/data", free_bytes, 5_000_000_000, writable=writable)
    assert checkup.exit_code([found]) is code


def test_a_machine_without_any_trainer_cannot_work() -> None:
    assert checkup.of_trainers({}).verdict is Verdict.BAD
    assert checkup.of_trainers({"reference trainer": "1"}).verdict is Verdict.NOTE
    assert checkup.of_trainers({"sleap-nn": "0.1"}).verdict is Verdict.GOOD
