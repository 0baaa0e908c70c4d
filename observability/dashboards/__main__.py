"""Adapter: writes the dashboards and those rules that are computed to where operators take them from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dashboards import counted, slos
from dashboards.boards import BOARDS
from dashboards.grafana import written

FOLDER = Path(__file__).parents[1]


def files() -> dict[Path, str]:
    """Return what there is to write."""
    boards = {FOLDER / "grafana" / "dashboards" / f"{board.uid}.json": written(board) for board in BOARDS}
    rules = FOLDER / "prometheus" / "rules"
    computed = {rules / "counted.yml": counted.rules(), rules / "slos.yml": slos.rules()}
    return boards | {path: _yaml(path.stem, found) for path, found in computed.items()}


def _yaml(module: str, rules: dict[str, Any]) -> str:
    header = f"# Written by `make dashboards` from observability/dashboards/{module}.py; change that.\n"
    return header + yaml.safe_dump(rules, sort_keys=False, width=110)


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
