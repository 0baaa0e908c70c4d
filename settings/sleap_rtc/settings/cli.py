"""Adapter: `sleap-rtc config`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from sleap_rtc.settings.loading import Findings
    from sleap_rtc.settings.report import Line
    from sleap_rtc.settings.resolution import Source

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Settings: what they are and where they come from."
)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


@app.command()
def show(
    everything: Annotated[
        bool, typer.Option("--all", help="Also show the values that another one overrules.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show every setting, its value and its source; whether a secret is set, never the secret."""
    from sleap_rtc.settings.loading import find_settings
    from sleap_rtc.settings.report import report

    found = find_settings()
    lines = report(found.resolution)
    if as_json:
        _print_json(
            {
                "file": str(found.path) if found.path else None,
                "settings": [line.as_json() for line in lines],
                "mistakes": [str(mistake) for mistake in found.resolution.mistakes],
                "warnings": list(found.warnings),
            }
        )
    else:
        _print_table(_settings_table(lines, everything))
    _say(found, to_stderr=True)


@app.command()
def check() -> None:
    """Say in one sentence each what is wrong with the settings; without mistakes the exit code is 0."""
    from sleap_rtc.settings.errors import SettingsError
    from sleap_rtc.settings.loading import find_settings

    try:
        found = find_settings()
    except SettingsError as error:
        typer.echo(str(error))
        raise typer.Exit(error.exit_code) from error
    _say(found, to_stderr=False)
    environment = found.resolution.settings.environment
    typer.echo(f"The settings are fine: {environment}, {found.path or 'without a file'}.")


@app.command()
def path(as_json: JsonOption = False) -> None:
    """Show which settings file applies and where one is looked for."""
    from sleap_rtc.settings.settings_file import places

    found = places()
    if as_json:
        applies = next((str(place.path) for place in found if place.state == "applies"), None)
        _print_json({"file": applies, "places": [place.as_json() for place in found]})
        return
    table = _table("PLACE", "FILE", "")
    for place in found:
        table.add_row(place.title, str(place.path or "-"), place.state)
    _print_table(table)


def _say(found: Findings, *, to_stderr: bool) -> None:
    """Print what is wrong; with mistakes the command ends here."""
    for warning in found.warnings:
        typer.echo(f"Warning: {warning}", err=to_stderr)
    for mistake in found.resolution.mistakes:
        typer.echo(str(mistake), err=to_stderr)
    if found.resolution.mistakes:
        raise typer.Exit(found.resolution.mistakes[0].exit_code)


def _settings_table(lines: Iterable[Line], everything: bool) -> Table:
    from rich.text import Text

    table = _table("SETTING", "VALUE", "SOURCE")
    for line in lines:
        style = "dim" if line.holds.source.kind == "default" else ""
        table.add_row(
            line.name, Text(line.holds.text, style), Text(str(line.holds.source), _colour(line.holds.source))
        )
        for other in line.overruled if everything else ():
            table.add_row("", Text(other.text, "dim strike"), Text(f"{other.source} (overruled)", "dim"))
    return table


def _colour(source: Source) -> str:
    return {"default": "dim", "environment": "green"}.get(source.kind, "cyan")


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print_table(table: Table) -> None:
    import sys

    from rich.console import Console

    # On a pipe there is no width to keep to.
    Console(highlight=False, markup=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200).print(
        table
    )


def _print_json(content: object) -> None:
    import json

    typer.echo(json.dumps(content, indent=1))
