"""The reference says everything that there is: a setting, option or exit code without a line fails here."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import typer

from sleap_rtc.client.root import GROUP
from sleap_rtc.settings import Settings
from sleap_rtc.storage.errors import ExitCode
from sleap_rtc.worker.errors import JobFailed

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
# Spelt out once for all commands, above the table.
SHARED = {"--help", "--room-id", "--room_id", "-r"}


def rows(page: str) -> dict[str, str]:
    """Return the page's table rows by what stands in their first column."""
    found = re.findall(r"^\| `?([^|`]+?)`? \|(.*)\|$", (REFERENCE / page).read_text("utf-8"), re.MULTILINE)
    return {first.strip(): rest for first, rest in found}


def commands() -> dict[str, Any]:
    """Return every command with its parameters."""
    found: dict[str, Any] = {}
    for entry in entry_points(group=GROUP):
        found |= leaves(entry.name, typer.main.get_command(entry.load()))
    return found


def leaves(name: str, command: Any) -> dict[str, Any]:
    """Return the commands below a group, or the command itself, by their full names."""
    below = getattr(command, "commands", {})
    if not below:
        return {name: command}
    return {leaf: found for sub in below for leaf, found in leaves(f"{name} {sub}", below[sub]).items()}


@pytest.mark.parametrize("setting", sorted(Settings.model_fields))
def test_every_setting_has_a_line(setting: str) -> None:
    assert setting in rows("settings.md")


def test_every_line_is_a_setting() -> None:
    assert set(rows("settings.md")) - {"setting", "---"} == set(Settings.model_fields)


@pytest.mark.parametrize("code", list(ExitCode))
def test_every_exit_code_has_a_line(code: ExitCode) -> None:
    assert code.name in rows("exit-codes.md")[str(int(code))]


@pytest.mark.parametrize("failure", JobFailed.__subclasses__())
def test_every_code_of_a_failed_job_has_a_line(failure: type[JobFailed]) -> None:
    assert failure.code in rows("exit-codes.md")


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_and_option_has_a_line(name: str) -> None:
    line = rows("commands.md")[f"sleap-rtc {name}"]
    for parameter in commands()[name].params:
        longest = [option for option in parameter.opts if option.startswith("--") and "_" not in option]
        assert SHARED & set(parameter.opts) or all(option in line for option in longest), parameter.opts


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page}: {link}"
