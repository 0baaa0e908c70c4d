"""The examples of docs/configuration.md are settings files without mistakes, in every environment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sleap_rtc.settings import load_settings
from sleap_rtc.settings.names import ENVIRONMENTS

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_holds(example: str, environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEAP_RTC_ENVIRONMENT", environment)
    Path("sleap-rtc.toml").write_text(example, encoding="utf-8")
    assert load_settings().environment == environment


def test_there_is_an_example_with_a_bucket_for_each_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sleap-rtc.toml").write_text(EXAMPLES[-1], encoding="utf-8")
    buckets = set()
    for environment in ENVIRONMENTS:
        monkeypatch.setenv("SLEAP_RTC_ENVIRONMENT", environment)
        buckets.add(load_settings().s3_upload_bucket)
    assert len(buckets) == len(ENVIRONMENTS)
