"""Pure: what a look at a deployed environment from outside can say, one check a row."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sleap_rtc.storage.errors import ExitCode, InputError, SleapRtcError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sleap_rtc.settings.model import Environment

ENVIRONMENTS: dict[str, Environment] = {
    "dev": "development",
    "development": "development",
    "staging": "staging",
    "prod": "production",
    "production": "production",
}
"""Both spellings of each environment: that of the folders under `infra/terraform/live`, and the settings'."""
_SHORT: dict[Environment, str] = {"development": "dev", "staging": "staging", "production": "prod"}


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    NOT_TRIED = "not tried"


class CheckFailed(SleapRtcError):
    """{why}"""

    exit_code = ExitCode.BAD_INPUT
    why: str
    advice: str


class NotTried(SleapRtcError):
    """{why}"""

    why: str
    advice: str


@dataclass(frozen=True)
class Check:
    """One row.

    Attributes:
        name: what was tried.
        outcome: how it ended.
        told: what was found, or why it was not tried, in a sentence.
        advice: what to do now.
        code: how `doctor` ends if this is the first check that failed.
    """

    name: str
    outcome: Outcome
    told: str
    advice: str = ""
    code: ExitCode = ExitCode.OK


def tried(name: str, check: Callable[[], str], advice: str) -> Check:
    """Return what a check finds.

    Args:
        name: of the check.
        check: returns what is well in words; raises what is not.
        advice: what to do where the error has none of its own.
    """
    try:
        return Check(name, Outcome.OK, check())
    except NotTried as missing:
        return Check(name, Outcome.NOT_TRIED, str(missing), missing.advice)
    except SleapRtcError as error:
        return Check(name, Outcome.FAILED, str(error), getattr(error, "advice", advice), error.exit_code)


def not_tried(names: Iterable[str], why: str, advice: str = "") -> list[Check]:
    """Return rows for what rests on something that is not there."""
    return [Check(name, Outcome.NOT_TRIED, why, advice) for name in names]


def exit_code(checks: Iterable[Check]) -> ExitCode:
    """Return the code of the first check that failed, OK without one."""
    return next((each.code for each in checks if each.outcome is Outcome.FAILED), ExitCode.OK)


def environment_named(text: str) -> Environment:
    """Return the environment that is meant. Raises InputError."""
    try:
        return ENVIRONMENTS[text.lower()]
    except KeyError:
        names = ", ".join(ENVIRONMENTS)
        raise InputError(message=f"{text!r} is no environment. Name one of {names}.") from None


def alarm_prefix(environment: Environment) -> str:
    """Return what the names of an environment's alarms begin with."""
    return f"sleap-rtc-{_SHORT[environment]}-"
