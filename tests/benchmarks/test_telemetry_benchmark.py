"""The benchmark of the metrics' own cost tells it in the agreed shape, and it is small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "telemetry.py"
FIELDS = {"name", "value", "unit", "peer", "ratio", "bar", "holds"}


@pytest.mark.seaweedfs
def test_quick_run_tells_well_formed_figures() -> None:
    command = [sys.executable, str(BENCHMARK), "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    figures = json.loads(done.stdout)["figures"]
    assert all(figure.keys() == FIELDS for figure in figures)
    shares = {figure["name"]: figure["value"] for figure in figures if figure["unit"] == "%"}
    assert len(shares) == 2
    assert all(0 < share < 2 for share in shares.values())
    assert done.returncode == 0
