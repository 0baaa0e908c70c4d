"""What docs/production.md says that an environment costs is what the prices and the Terraform make it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tables() -> list[str]:
    done = subprocess.run(
        [sys.executable, ROOT / "infra" / "monthly_cost.py"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout.strip().split("\n\n")


def test_the_tables_of_the_docs_are_those_that_are_computed(tables: list[str]) -> None:
    assert len(tables) == 2
    for table in tables:
        assert table in DOCS, f"put this into docs/production.md (infra/monthly_cost.py prints it):\n{table}"


def test_the_totals_are_the_sums_of_what_stands_above_them(tables: list[str]) -> None:
    for table in tables:
        head, _, *rows, total = [
            [cell.strip(" *") for cell in line.split("|")[1:-1]] for line in table.splitlines()
        ]
        for column in range(1, len(head)):
            above = sum(float(row[column].replace(",", "")) for row in rows)
            assert above == pytest.approx(float(total[column].replace(",", "")), abs=0.005 * len(rows))
