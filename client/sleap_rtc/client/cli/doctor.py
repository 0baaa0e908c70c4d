"""Adapter: `sleap-rtc doctor`: of this machine, as the worker's part says it, or of an environment."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated

import typer

from sleap_rtc.client.cli.options import JsonOption

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sleap_rtc.client.environment_check import Check

GROUP = "sleap_rtc.machine_doctor"
_MARKS = {"ok": "[green]ok[/]", "not tried": "[yellow]not tried[/]", "failed": "[red]failed[/]"}

app = typer.Typer(add_completion=False)


@app.command()
def doctor(
    environment: Annotated[
        str, typer.Option("--environment", metavar="ENV", help="Check dev, staging or prod from outside.")
    ] = "",
    alarms: Annotated[
        str,
        typer.Option(
            "--alarms", metavar="PREFIX", help="What the names of its alarms begin with; else sleap-rtc-ENV-."
        ),
    ] = "",
    within: Annotated[
        float, typer.Option("--within", metavar="SECONDS", min=1, help="How long to wait for each event.")
    ] = 60,
    as_json: JsonOption = False,
) -> None:
    """Look whether this machine can be a worker, or whether an environment does each thing that it has to."""
    if not environment:
        (machine,) = entry_points(group=GROUP)
        machine.load()(as_json)
        return
    from sleap_rtc.client import wiring
    from sleap_rtc.client.environment_check import alarm_prefix, environment_named, exit_code
    from sleap_rtc.settings import load_settings

    named = environment_named(environment)
    wired = wiring.environment_doctor(load_settings(named), alarms or alarm_prefix(named), within)
    checks = list(wired.examine() if as_json else _shown(wired.examine()))
    if as_json:
        _print_json(checks)
    raise typer.Exit(exit_code(checks))


def _shown(checks: Iterator[Check]) -> Iterator[Check]:
    """Print each check as soon as it is done: some take a while."""
    from rich.markup import escape
    from rich.table import Table

    from sleap_rtc.client.display import console

    for each in checks:
        row = Table(box=None, pad_edge=False, show_header=False)
        for width in (10, 14, None):
            row.add_column(width=width, overflow="fold")
        told = f"{each.told}\n→ {each.advice}" if each.advice else each.told
        row.add_row(_MARKS[each.outcome], each.name, escape(told))
        console.print(row)
        yield each


def _print_json(checks: Iterable[Check]) -> None:
    import json
    from dataclasses import asdict

    rows = [{name: value for name, value in asdict(each).items() if name != "code"} for each in checks]
    typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
