"""`sleap-rtc config`: show, check and path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from sleap_rtc.settings import Settings
from sleap_rtc.settings.cli import app
from sleap_rtc.storage.errors import ExitCode

if TYPE_CHECKING:
    from typer.testing import Result


def write(text: str) -> Path:
    Path("sleap-rtc.toml").write_text(text, encoding="utf-8")
    return Path("sleap-rtc.toml").absolute()


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, arguments, env=environment)


def shown(*arguments: str, **environment: str) -> dict[str, Any]:
    found = json.loads(run("show", "--json", *arguments, **environment).stdout)
    return {line.pop("name"): line for line in found["settings"]}


def row(text: str, first: str) -> list[str]:
    """Return the rest of the row that begins so."""
    return next(line.split()[1:] for line in text.splitlines() if line.split()[:1] == [first])


def test_show_has_every_setting_with_value_and_source() -> None:
    file = write("poll_wait_s = 5")
    said = run("show", SLEAP_RTC_ISSUER="https://a")
    assert row(said.stdout, "poll_wait_s") == ["5", f"{file},", "line", "1"]
    assert row(said.stdout, "issuer") == ["https://a", "SLEAP_RTC_ISSUER"]
    assert row(said.stdout, "s3_endpoint_url") == ["-", "default"]
    assert len(said.stdout.splitlines()) == 1 + len(Settings.model_fields)
    assert (said.exit_code, said.stderr) == (ExitCode.OK, "")


def test_show_all_has_what_is_overruled() -> None:
    write('issuer = "top"\n[development]\nissuer = "section"')
    assert "overruled" not in run("show", SLEAP_RTC_ISSUER="variable").stdout
    said = run("show", "--all", SLEAP_RTC_ISSUER="variable")
    assert row(said.stdout, "issuer") == ["variable", "SLEAP_RTC_ISSUER"]
    assert row(said.stdout, "section")[-1] == row(said.stdout, "top")[-1] == "(overruled)"


def test_show_json_tells_a_script_where_a_value_comes_from() -> None:
    file = write("[development]\npoll_wait_s = 5")
    assert shown(SLEAP_RTC_POLL_WAIT_S="6")["poll_wait_s"] == {
        "value": 6,
        "source": "environment",
        "variable": "SLEAP_RTC_POLL_WAIT_S",
        "file": None,
        "section": None,
        "line": None,
        "overruled": [
            {
                "value": 5,
                "source": "section",
                "variable": None,
                "file": str(file),
                "section": "development",
                "line": 2,
            }
        ],
    }


def test_show_tells_only_whether_a_secret_is_set() -> None:
    assert shown()["token"]["value"] == "not set"
    assert shown(SLEAP_RTC_TOKEN="")["token"]["value"] == "not set"
    assert shown(SLEAP_RTC_TOKEN="s3cret")["token"]["value"] == "set"


def test_show_takes_a_password_out_of_an_address() -> None:
    write('backend_api_url = "https://me:s3c@ret@example.org/x"')
    assert shown()["backend_api_url"]["value"] == "https://[redacted]@example.org/x"


@given(secret=st.text("qxzQXZ", min_size=8), wrong=st.booleans(), elsewhere=st.booleans())
@example(secret="qxzqxzqxz", wrong=True, elsewhere=True)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_no_command_ever_prints_a_secret(secret: str, wrong: bool, elsewhere: bool) -> None:
    value = f"[[{json.dumps(secret)}]]" if wrong else json.dumps(secret)
    write(f"token = {value}\ntokn = {value}\n[development]\ntoken = {value}\nenvironment = {value}")
    environment = {"SLEAP_RTC_TOKEN": secret, "SLEAP_RTC_TOKN": secret} if elsewhere else {}
    for command in (["show"], ["show", "--all"], ["show", "--json"], ["check"], ["path"]):
        assert secret not in run(*command, **environment).output


def test_show_has_a_wrong_value_as_it_was_written_and_says_what_is_wrong() -> None:
    write("poll_wait_s = 21")
    said = run("show")
    assert row(said.stdout, "poll_wait_s")[0] == "21"
    assert said.stderr.startswith("The setting poll_wait_s is wrong")
    assert said.exit_code == ExitCode.BAD_INPUT


@pytest.mark.parametrize("arguments", [("show",), ("show", "--json"), ("check",)])
def test_nothing_that_is_written_reaches_the_terminal_as_a_control_character(
    arguments: tuple[str, ...],
) -> None:
    write('issuer = "a\\u001b[2J"\n"\\u001b[2Jb" = 1\n[production]\n"\\n" = 1')
    said = run(*arguments, **{"SLEAP_RTC_AUDIENCE": "\udcfc", "SLEAP_RTC_\udcfc": "1"})
    assert said.exit_code == ExitCode.BAD_INPUT
    assert "\x1b" not in said.output
    assert "\\x1b[2Jb" in said.output


def test_check_is_content_with_the_defaults() -> None:
    said = run("check")
    assert (said.exit_code, said.stdout) == (0, "The settings are fine: development, without a file.\n")


def test_check_has_a_sentence_for_each_mistake() -> None:
    write("issuers = 1\npoll_wait_s = 21")
    said = run("check")
    unknown, wrong = said.stdout.splitlines()
    assert unknown.startswith("There is no setting issuers")
    assert wrong.startswith("The setting poll_wait_s is wrong")
    assert said.exit_code == ExitCode.BAD_INPUT


def test_check_warns_of_a_variable_that_nothing_reads_and_is_content() -> None:
    said = run("check", SLEAP_RTC_TOKN="1")
    assert "Warning: No setting is read from SLEAP_RTC_TOKN; the nearest is SLEAP_RTC_TOKEN." in said.stdout
    assert said.exit_code == ExitCode.OK


@pytest.mark.parametrize("text", ["poll_wait_s = ", "["])
def test_check_has_a_sentence_for_a_file_that_is_not_toml(text: str) -> None:
    write(text)
    said = run("check")
    assert "is not valid TOML" in said.stdout
    assert said.exit_code == ExitCode.BAD_INPUT


def make_users_file() -> None:
    theirs = Path(os.environ["XDG_CONFIG_HOME"]) / "sleap-rtc" / "sleap-rtc.toml"
    theirs.parent.mkdir()
    theirs.touch()


def test_path_names_the_places_and_the_file_that_applies() -> None:
    make_users_file()
    here = write("")
    found = json.loads(run("path", "--json").stdout)
    assert found["file"] == str(here)
    assert [place["state"] for place in found["places"]] == ["not set", "applies", "there, not read"]
    assert run("path").stdout.splitlines()[2].split()[-2:] == [str(here), "applies"]


def test_path_shows_that_a_named_file_is_not_there_and_that_no_other_is_read() -> None:
    make_users_file()
    found = json.loads(run("path", "--json", SLEAP_RTC_CONFIG="nowhere.toml").stdout)
    assert found["file"] is None
    assert [place["state"] for place in found["places"]] == ["not there", "not there", "there, not read"]


def test_the_command_line_is_there_before_anything_is_loaded_that_it_may_not_need() -> None:
    code = "import sys, sleap_rtc.settings.cli; print({'rich.table', 'boto3', 'fastapi'} & {*sys.modules})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"
