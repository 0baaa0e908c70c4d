"""Adapter: `sleap-rtc doctor`, which needs none of what a worker needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleap_rtc.worker.checkup import Finding

app = typer.Typer(add_completion=False)
_MARKS = {"good": "[green]good[/]", "note": "[yellow]note[/]", "bad": "[red]bad[/]"}


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False) -> None:
    """Look whether this machine can be a worker, and say what is missing. Changes nothing."""
    from sleap_rtc.settings import load_settings
    from sleap_rtc.worker.checkup import exit_code
    from sleap_rtc.worker.doctor import examine

    findings = examine(load_settings())
    if as_json:
        _print_json(findings)
    else:
        _print_table(findings)
    raise typer.Exit(exit_code(findings))


def _print_json(findings: Sequence[Finding]) -> None:
    import json
    from dataclasses import asdict

    rows = [{name: value for name, value in asdict(each).items() if name != "code"} for each in findings]
    typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))


def _print_table(findings: Sequence[Finding]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "WHAT", "FOUND"):
        table.add_column(column, overflow="fold")
    for each in findings:
        told = f"{each.told}\n→ {each.advice}" if each.advice else each.told
        table.add_row(_MARKS[each.verdict], each.name, escape(told))
    Console(highlight=False).print(table)
