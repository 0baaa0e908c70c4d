"""Fixtures: no settings but those of the test."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("SLEAP_RTC_"):
            monkeypatch.delenv(name)
