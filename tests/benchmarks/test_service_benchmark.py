"""The service benchmark measures the product as it is now, and tells it in the agreed shape."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "service.py"
FIELDS = {"name", "value", "unit", "peer", "ratio", "bar", "holds"}


@pytest.mark.seaweedfs
def test_quick_run_tells_well_formed_figures() -> None:
    command = [sys.executable, str(BENCHMARK), "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    figures = {figure["name"]: figure for figure in json.loads(done.stdout)["figures"]}
    assert all(figure.keys() == FIELDS for figure in figures.values())
    assert {"sign 16 parts: rate", "sign 16 parts: p99", "claim: rate", "claim: p99"} <= figures.keys()
    assert all(figure["value"] > 0 and figure["ratio"] > 0 for figure in figures.values())
    parts, asked = (figures[f"50 GB: {what}"]["value"] for what in ("parts", "requests to the service"))
    assert 2 + parts / 16 <= asked <= 3 + parts / 16
    assert figures["50 GB: requests to S3"]["ratio"] < 1.2
