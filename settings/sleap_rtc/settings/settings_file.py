"""Adapter: finds and reads `sleap-rtc.toml`.

$SLEAP_RTC_CONFIG                     a file that is named must be there, and is the only one
./sleap-rtc.toml                      else that of the working directory
{user's config folder}/sleap-rtc/     else that of the user
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_config_path

from sleap_rtc.settings.errors import SettingsError, SettingsFileUnreadable
from sleap_rtc.settings.names import CONFIG_VARIABLE

FILE_NAME = "sleap-rtc.toml"


@dataclass(frozen=True)
class Place:
    """Where a settings file may lie.

    Attributes:
        title: what the place is called.
        path: the file there; None where nothing names one.
        state: whether it applies, and why not.
    """

    title: str
    path: Path | None
    state: Literal["applies", "there, not read", "not there", "not set"]

    def as_json(self) -> dict[str, str | None]:
        """Return what a script reads."""
        return {"place": self.title, "file": str(self.path) if self.path else None, "state": self.state}


@dataclass(frozen=True)
class SettingsFile:
    """A settings file: its text, and what TOML makes of it."""

    path: Path
    text: str
    content: dict[str, Any]


def places() -> list[Place]:
    """Return where a file is looked for, in order; one at most applies."""
    named = os.environ.get(CONFIG_VARIABLE)
    candidates = (
        (CONFIG_VARIABLE, Path(named).absolute() if named else None),
        ("working directory", Path(FILE_NAME).absolute()),
        ("user's configuration folder", user_config_path("sleap-rtc") / FILE_NAME),
    )
    found: list[Place] = []
    decided = False
    for title, path in candidates:
        if path is None:
            found.append(Place(title, None, "not set"))
            continue
        there = path.is_file()
        state: Literal["applies", "there, not read", "not there"] = "not there"
        if there:
            state = "there, not read" if decided else "applies"
        decided = decided or there or title == CONFIG_VARIABLE
        found.append(Place(title, path, state))
    return found


def settings_file() -> Path | None:
    """Return the settings file that applies, None where there is none.

    Raises:
        SettingsError: `SLEAP_RTC_CONFIG` names a file that does not exist.
    """
    named, *others = places()
    if named.state == "not there":
        raise SettingsError(name=CONFIG_VARIABLE, why=f"there is no file {os.environ[CONFIG_VARIABLE]}")
    return next((place.path for place in (named, *others) if place.state == "applies"), None)


def read_settings_file(path: Path) -> SettingsFile:
    """Read a file.

    Raises:
        SettingsFileUnreadable: it cannot be read, or is not TOML in UTF-8.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SettingsFileUnreadable(name=str(path), why=f"it cannot be read ({error.strerror})") from error
    try:
        text = raw.decode("utf-8")
        return SettingsFile(path, text, tomllib.loads(text))
    except UnicodeDecodeError as error:
        where = _position(raw[: error.start].decode("utf-8"))
        raise SettingsFileUnreadable(name=str(path), why=f"{where} is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise SettingsFileUnreadable(name=str(path), why=_toml_mistake(str(error), text)) from error


def _toml_mistake(message: str, text: str) -> str:
    """Return where TOML ends to be valid and why; before Python 3.14 the message alone says where."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message, re.DOTALL)
    if found is None:
        return f"it is not valid TOML ({message})"
    what, line, column = found.groups()
    where = f"line {line}, column {column}" if line else _position(text)
    return f"{where} is not valid TOML ({what[0].lower()}{what[1:]})"


def _position(before: str) -> str:
    """Return the position that follows a text, both counted from one."""
    return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"
