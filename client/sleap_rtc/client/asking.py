"""Adapter: asks the user at the terminal what only he can know."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sleap_rtc.client.worker_choice import Candidate


def can_ask() -> bool:
    """Tell whether there is somebody at a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_which(workers: Sequence[Candidate]) -> Candidate:
    """Have the user choose."""
    for number, worker in enumerate(workers, 1):
        typer.echo(f"  {number}. {worker.described}", err=True)
    while True:
        number = int(typer.prompt(f"Which worker (1 to {len(workers)})", type=int, default=1, err=True))
        if 1 <= number <= len(workers):
            return workers[number - 1]


def may_be_replaced(path: Path, *, ask: bool = True) -> bool:
    """Tell whether the user agrees that a file is replaced; where nobody can be asked, he does not."""
    return ask and can_ask() and typer.confirm(f"Replace {path}?", default=False, err=True)
