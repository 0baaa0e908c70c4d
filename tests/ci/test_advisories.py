"""What is made of pip-audit's report: a finding stops the release unless somebody said why it need not."""

from __future__ import annotations

import importlib.util
from datetime import date
from pathlib import Path
from typing import Any

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "advisories", Path(__file__).parents[2] / ".ci" / "advisories.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
advisories = importlib.util.module_from_spec(_SPEC)
TODAY = date(2026, 11, 28)
FOUND = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.0"]}
SOUND = {"name": "sound", "version": "1.0", "vulns": []}
WEAK = {"name": "weak", "version": "1.0", "vulns": [FOUND]}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


@pytest.fixture(autouse=True)
def _loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "advisories", advisories)
    assert _SPEC is not None
    assert _SPEC.loader is not None
    _SPEC.loader.exec_module(advisories)


def judged(*packages: dict[str, Any], **explained: date) -> tuple[list[str], bool]:
    entries = {each.replace("_", "-"): {"reason": "why", "until": until} for each, until in explained.items()}
    verdict = advisories.judge(packages, entries, TODAY)
    return list(verdict.lines), verdict.fails


def test_nothing_found_passes_and_says_how_much_was_looked_at() -> None:
    assert judged(SOUND, UNKNOWN) == (["pip-audit: 1 packages checked, 1 unknown to the database"], False)


def test_a_finding_fails_and_names_what_mends_it() -> None:
    lines, fails = judged(SOUND, WEAK)
    assert (lines[0], fails) == ("weak 1.0: PYSEC-1 is not explained; fixed in 2.0", True)


@pytest.mark.parametrize("known_as", ["PYSEC_1", "CVE_1"])
def test_an_explained_finding_passes_until_its_day(known_as: str) -> None:
    assert not judged(WEAK, **{known_as: TODAY})[1]
    lines, fails = judged(WEAK, **{known_as: date(2026, 11, 27)})
    assert (lines[0], fails) == ("weak 1.0: PYSEC-1 was explained until 2026-11-27; fixed in 2.0", True)


def test_an_explanation_of_nothing_fails() -> None:
    lines, fails = judged(SOUND, PYSEC_9=TODAY)
    assert (lines[0], fails) == (
        "advisories.toml explains PYSEC-9, which nothing has any more: remove it",
        True,
    )


def test_where_nobody_answers_it_says_so_and_goes_on() -> None:
    unreachable = advisories.judge([], {}, TODAY)
    knows_nothing = advisories.judge([UNKNOWN, UNKNOWN], {}, TODAY)
    assert unreachable == knows_nothing
    assert (len(unreachable.lines), unreachable.fails) == (1, False)
    assert "cannot be reached" in unreachable.lines[0]


def test_two_versions_of_a_package_are_asked_about_one_after_the_other() -> None:
    locks = [
        "one==1.0 \\\n    --hash=sha256:00\ntwo==1.0 ; sys_platform == 'linux'\n",
        "one==2.0\ntwo==1.0\n",
    ]
    assert advisories.layers(locks) == [["one==1.0", "two==1.0"], ["one==2.0"]]
