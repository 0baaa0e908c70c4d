"""Pure: what can be wrong with the settings. No sentence repeats a value, since it may be a secret.

SettingsError                 3  a setting cannot be used
├── WrongValue                   its value is not one that it takes
├── UnknownSetting               the file names a setting that does not exist
└── SettingsFileUnreadable       the file is not there to be read, or is not TOML
"""

from __future__ import annotations

from sleap_rtc.storage.errors import ExitCode, SleapRtcError


class SettingsError(SleapRtcError):
    """The setting {name} is wrong: {why}."""

    exit_code = ExitCode.BAD_INPUT
    name: str
    why: str


class WrongValue(SettingsError):
    """The setting {name} is wrong: {why} ({where})."""

    where: str


class UnknownSetting(SettingsError):
    """There is no {what} {name} ({where}); {nearest}."""

    what: str
    where: str
    nearest: str


class SettingsFileUnreadable(SettingsError):
    """The settings file {name} is wrong: {why}."""
