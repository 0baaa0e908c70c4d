"""Environments: what production refuses, and that logs are as the table says."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sleap_rtc.observability.logs import configure_logs
from sleap_rtc.settings import Settings
from sleap_rtc.settings.environments import ADDRESSES, RULES, anonymous_signin, existing_tool, refusals
from sleap_rtc.settings.loading import find_settings
from sleap_rtc.settings.names import ENVIRONMENTS, SETTINGS

if TYPE_CHECKING:
    from sleap_rtc.settings.model import Environment


def refused(environment: str, **addresses: str) -> set[str]:
    return set(refusals(Settings.model_validate({"environment": environment, **addresses})))


def test_every_environment_has_its_rules() -> None:
    assert tuple(RULES) == ENVIRONMENTS


def test_every_address_is_looked_at() -> None:
    assert {name for name in SETTINGS if name.endswith("_url")} == set(ADDRESSES)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_defaults_are_fine_everywhere(environment: str) -> None:
    assert not refused(environment)


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("address", ["http://sleap.example.org", "ftp://127.0.0.1.example.org", "http://["])
def test_production_and_staging_refuse_an_address_without_tls(name: str, address: str) -> None:
    assert refused("production", **{name: address}) == refused("staging", **{name: address}) == {name}
    assert not refused("development", **{name: address})


@pytest.mark.parametrize(
    "address",
    [
        "https://sleap.example.org",
        "HTTPS://a",
        "http://127.0.0.1:8700",
        "http://localhost",
        "http://[::1]:9000",
    ],
)
def test_production_takes_tls_and_this_machine(address: str) -> None:
    assert not refused("production", backend_api_url=address, s3_endpoint_url=address)


def test_production_takes_signaling_over_tls() -> None:
    assert not refused("production", live_signaling_url="wss://sleap.example.org/ws")
    assert not refused("production", live_signaling_url="ws://127.0.0.1:8080")
    assert refused("production", live_signaling_url="ws://sleap.example.org") == {"live_signaling_url"}


def test_a_refusal_says_where_the_address_stands() -> None:
    text = '[production]\nbackend_api_url = "http://user:s3cret@sleap.example.org"\n'
    Path("sleap-rtc.toml").write_text(f'environment = "production"\n{text}', encoding="utf-8")
    (mistake,) = find_settings().resolution.mistakes
    assert str(mistake) == (
        "The setting backend_api_url is wrong: in production an address that is not on this machine begins "
        f"with https:// ([production] of {Path('sleap-rtc.toml').absolute()}, line 3)."
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_logs_are_json_where_the_table_says_so(
    environment: Environment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)
    configure_logs("worker", environment)
    root.warning("hello")
    assert _is_json(capsys.readouterr().err) is RULES[environment].json_logs


def _is_json(text: str) -> bool:
    try:
        return bool(json.loads(text)["event"] == "hello")
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("environment", "said", "holds"),
    [
        ("development", None, True),
        ("staging", None, False),
        ("production", None, False),
        ("development", False, False),
        ("production", True, True),
    ],
)
def test_what_lets_strangers_in_holds_in_development_alone_unless_it_is_set(
    environment: Environment, said: bool | None, holds: bool
) -> None:
    settings = Settings(environment=environment, anonymous_signin=said, existing_tool=said)
    assert anonymous_signin(settings) is existing_tool(settings) is holds
