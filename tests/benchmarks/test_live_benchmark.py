"""The live benchmark measures the product as it is now, and tells it in the agreed shape."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "live.py"
FIELDS = {"name", "value", "unit", "peer", "ratio", "bar", "holds"}


@pytest.mark.seaweedfs
def test_quick_run_tells_well_formed_figures() -> None:
    command = [sys.executable, str(BENCHMARK), "--quick", "--json", "--only", "bulk,pause", "--profile"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    figures = json.loads(done.stdout)["figures"]
    assert all(figure.keys() == FIELDS for figure in figures)
    assert [figure["name"] for figure in figures] == [
        "goodput to the existing discipline's",
        "download held, p99",
    ]
    assert all(figure["value"] > 0 and figure["ratio"] > 0 for figure in figures)
    assert done.returncode == (0 if all(figure["holds"] for figure in figures) else 1)
