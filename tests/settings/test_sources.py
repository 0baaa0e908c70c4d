"""Precedence: variable, section, top level, default; and each value knows where it comes from."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.settings import Settings, SettingsError, load_settings
from sleap_rtc.settings.file_layers import FileLayers
from sleap_rtc.settings.loading import find_settings
from sleap_rtc.settings.names import OTHER_VARIABLES, SECRETS, SETTINGS, unknown_variables, variable
from sleap_rtc.settings.settings_file import SettingsFile

ROOT = Path(__file__).parents[2]
TEXTS = sorted(
    name for name, field in Settings.model_fields.items() if field.annotation is str and "url" not in name
)


def write(text: str) -> Path:
    Path("sleap-rtc.toml").write_text(text, encoding="utf-8")
    return Path("sleap-rtc.toml").absolute()


def source(name: str) -> str:
    return str(find_settings().resolution.source(name))


def refusal() -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings()
    return str(refused.value)


@pytest.mark.parametrize("said", [s for n in range(4) for s in itertools.combinations("vst", n)])
def test_a_variable_then_the_section_then_the_top_level_then_the_default(
    said: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    top = 'issuer = "top"\n' if "t" in said else ""
    section = 'issuer = "section"\n' if "s" in said else ""
    write(f'environment = "staging"\n{top}[staging]\n{section}[production]\nissuer = "other"\n')
    if "v" in said:
        monkeypatch.setenv("SLEAP_RTC_ISSUER", "variable")
    first = next((place for place in ("variable", "section", "top") if place[0] in said), "")
    assert load_settings().issuer == first


def test_each_value_knows_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    file = write('issuer = "a"\n\n[development]\naudience = "b"\n')
    monkeypatch.setenv("SLEAP_RTC_S3_REGION", "eu-central-1")
    assert source("issuer") == f"{file}, line 1"
    assert source("audience") == f"[development] of {file}, line 4"
    assert source("s3_region") == "SLEAP_RTC_S3_REGION"
    assert source("token") == "default"


def test_the_variable_says_which_section_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    write('environment = "staging"\n[staging]\nissuer = "s"\n[production]\nissuer = "p"\n')
    monkeypatch.setenv("SLEAP_RTC_ENVIRONMENT", "production")
    assert load_settings().issuer == "p"


@pytest.mark.parametrize(
    "text", ['production.issuer = "p"', 'production = {issuer = "p"}', '["production"]\nissuer = "p"']
)
def test_a_section_may_be_written_as_toml_allows(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(text)
    monkeypatch.setenv("SLEAP_RTC_ENVIRONMENT", "production")
    assert load_settings().issuer == "p"


def test_an_unknown_key_is_an_error_in_a_section_that_does_not_hold() -> None:
    file = write('[production]\nissuers = "p"')
    assert refusal() == (
        f"There is no setting issuers ([production] of {file}, line 2); the nearest is issuer."
    )


def test_a_misspelt_section_is_an_error_that_names_the_nearest() -> None:
    file = write('[prodution]\nissuer = "p"')
    assert refusal() == f"There is no section prodution ({file}, line 1); the nearest is production."


@pytest.mark.parametrize("text", ["production = 1", '[[production]]\nissuer = "p"'])
def test_a_section_that_is_a_value_is_an_error_that_says_how_to_write_it(text: str) -> None:
    write(text)
    assert "so write [production] on a line of its own" in refusal()


def test_a_section_cannot_change_the_environment() -> None:
    write('[development]\nenvironment = "production"')
    assert "a section cannot say which environment this is" in refusal()


def test_a_wrong_environment_is_an_error_whatever_its_type() -> None:
    write("environment = [1]")
    assert refusal().startswith("The setting environment is wrong: it should be 'development',")


def test_all_mistakes_are_found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    write("issuers = 1\npoll_wait_s = 21\naudience = 3")
    monkeypatch.setenv("SLEAP_RTC_METRICS_PORT", "many")
    found = find_settings().resolution.mistakes
    assert {mistake.name for mistake in found} == {"issuers", "poll_wait_s", "audience", "metrics_port"}


def test_a_wrong_value_that_is_overruled_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    write("poll_wait_s = 21")
    monkeypatch.setenv("SLEAP_RTC_POLL_WAIT_S", "20")
    assert load_settings().poll_wait_s == 20


def test_a_variable_that_nothing_reads_is_a_warning_that_names_the_nearest() -> None:
    assert unknown_variables(["SLEAP_RTC_S3_REGOIN", "S3_REGOIN", "SLEAP_RTC_TOKEN", "sleap_rtc_token"]) == [
        "No setting is read from SLEAP_RTC_S3_REGOIN; the nearest is SLEAP_RTC_S3_REGION."
    ]


def test_a_variable_that_nothing_reads_does_not_keep_anything_from_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLEAP_RTC_OF_ANOTHER_TOOL", "1")
    assert load_settings().environment == "development"


def test_every_variable_that_the_code_names_is_known() -> None:
    code = "".join(path.read_text("utf-8") for path in ROOT.glob("*/sleap_rtc/**/*.py"))
    named = set(re.findall(r"SLEAP_RTC_[A-Z_0-9]+", code))
    assert named <= OTHER_VARIABLES | {variable(setting) for setting in SETTINGS}


def test_whatever_sounds_like_a_secret_is_one() -> None:
    assert {name for name in SETTINGS if re.search("token|secret|password|key(?!s_url)", name)} <= SECRETS
    assert "token" in SECRETS


def layers(*statements: str) -> FileLayers:
    text = "\n".join(statements)
    return FileLayers(SettingsFile(Path("a.toml"), text, tomllib.loads(text)))


layer = st.dictionaries(st.sampled_from(TEXTS), st.just('"a"'))


@given(top=layer, section=layer, blank=st.lists(st.sampled_from(["", "# issuer = 1", "# [production]"])))
def test_the_line_that_is_told_is_that_of_the_key(
    top: dict[str, str], section: dict[str, str], blank: list[str]
) -> None:
    above = [*blank, *(f"{name} = {value}" for name, value in top.items())]
    found = layers(*above, "[production] # all", *(f"  '{name}'={value}" for name, value in section.items()))
    told = [found.top[name].source.line for name in top]
    told += [found.sections["production"][name].source.line for name in section]
    total = len(above) + 1 + len(section)
    assert told == [line for line in range(len(blank) + 1, total + 1) if line != len(above) + 1]


@pytest.mark.parametrize("quotes", ["'''", '"""'])
def test_no_line_is_told_where_a_text_may_look_like_keys(quotes: str) -> None:
    found = layers(f"issuer = {quotes}", "audience = 1", quotes, "audience = 'b'")
    assert found.top["audience"].source.line is None
