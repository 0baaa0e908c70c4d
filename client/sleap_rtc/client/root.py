"""Adapter: the command `sleap-rtc`, which finds the parts' commands by entry point and loads what is called.

Whatever goes wrong ends here: one sentence on standard error and an exit code of its own, no traceback. With
SLEAP_RTC_DEBUG=1 the traceback is shown as well.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import EntryPoint, entry_points, version
from typing import Any

import typer
from typer.core import TyperGroup

from sleap_rtc.storage.errors import ExitCode, SleapRtcError

GROUP = "sleap_rtc.commands"


class PartMissing(SleapRtcError):
    """`sleap-rtc {command}` needs parts that are not installed here ({module} is missing). Install them
    with: pip install 'sleap-rtc[{extra}]'"""

    command: str
    module: str
    extra: str


class _Root(TyperGroup):
    """The commands of every part that is installed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._found: dict[str, EntryPoint] = {found.name: found for found in entry_points(group=GROUP)}

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(self._found)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        del ctx
        found = self._found.get(cmd_name)
        if found is None:
            return None
        command = typer.main.get_command(found.load())
        command.name = cmd_name
        return command

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            command = ctx.invoked_subcommand or ""
            extras = self._found[command].extras if command in self._found else []
            if not extras:
                raise
            raise PartMissing(command=command, module=error.name, extra=extras[0]) from error


app = typer.Typer(cls=_Root, no_args_is_help=True, add_completion=False)


@app.callback(invoke_without_command=True)
def root(
    show_version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Train SLEAP pose models on a GPU that is not under your desk."""
    if show_version:
        typer.echo(version("sleap-rtc"))
        raise typer.Exit


def main() -> None:
    """Run the command line."""
    try:
        typer.main.get_command(app).main()
    except SleapRtcError as error:
        _say(str(error), error)
        sys.exit(error.exit_code)
    except Exception as error:
        _say(f"unexpected {type(error).__name__}: {error}. SLEAP_RTC_DEBUG=1 shows where.", error)
        sys.exit(ExitCode.UNEXPECTED)


def _say(text: str, error: Exception) -> None:
    if os.environ.get("SLEAP_RTC_DEBUG"):
        import traceback

        traceback.print_exception(error)
    sys.stderr.write(f"sleap-rtc: {text}\n")
