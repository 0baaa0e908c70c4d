"""What the checks of an environment come to."""

from __future__ import annotations

import pytest

from sleap_rtc.client.environment_check import (
    CheckFailed,
    NotTried,
    Outcome,
    alarm_prefix,
    environment_named,
    exit_code,
    tried,
)
from sleap_rtc.storage.errors import ExitCode, InputError, Unreachable


@pytest.mark.parametrize(
    ("spelling", "meant", "prefix"),
    [
        ("dev", "development", "sleap-rtc-dev-"),
        ("development", "development", "sleap-rtc-dev-"),
        ("Staging", "staging", "sleap-rtc-staging-"),
        ("prod", "production", "sleap-rtc-prod-"),
        ("production", "production", "sleap-rtc-prod-"),
    ],
)
def test_both_spellings_of_an_environment_are_one(spelling: str, meant: str, prefix: str) -> None:
    assert environment_named(spelling) == meant
    assert alarm_prefix(environment_named(spelling)) == prefix


def test_another_word_is_no_environment() -> None:
    with pytest.raises(InputError, match="'live' is no environment"):
        environment_named("live")


def test_the_exit_code_is_that_of_the_first_failure_and_what_was_not_tried_is_none() -> None:
    def fails() -> str:
        raise CheckFailed(why="The door is open.", advice="shut it")

    def away() -> str:
        raise Unreachable(where="It", why="gone")

    def without() -> str:
        raise NotTried(why="No key here.", advice="get one")

    checks = [
        tried("a", lambda: "well", ""),
        tried("b", without, ""),
        tried("c", fails, ""),
        tried("d", away, "look"),
    ]
    assert [each.outcome for each in checks] == [
        Outcome.OK,
        Outcome.NOT_TRIED,
        Outcome.FAILED,
        Outcome.FAILED,
    ]
    assert [each.advice for each in checks] == ["", "get one", "shut it", "look"]
    assert exit_code(checks) == ExitCode.BAD_INPUT
    assert exit_code(checks[:2]) == ExitCode.OK
    assert exit_code(checks[3:]) == ExitCode.UNREACHABLE
