"""The rules for Prometheus, as operators load them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "observability"
RULE_FILES = sorted((FOLDER / "prometheus" / "rules").glob("*.yml"))


@cache
def rules() -> list[dict[str, Any]]:
    """Return all rules of all files, those that others build on first."""
    files = sorted(RULE_FILES, key=lambda path: path.name not in {"counted.yml", "slos.yml"})
    return [
        rule
        for path in files
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]


def alerts() -> list[dict[str, Any]]:
    """Return the rules that raise an alarm."""
    return [rule for rule in rules() if "alert" in rule]
