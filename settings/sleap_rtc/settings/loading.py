"""Orchestration: puts environment, file and defaults together.

An environment variable comes before the file's section for the environment, that before the file's top level,
that before the default.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic_settings import EnvSettingsSource

from sleap_rtc.settings.file_layers import FileLayers
from sleap_rtc.settings.model import Settings
from sleap_rtc.settings.names import unknown_variables, variable
from sleap_rtc.settings.resolution import Given, Layer, Resolution, Source, resolve
from sleap_rtc.settings.settings_file import read_settings_file, settings_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sleap_rtc.settings.model import Environment


@dataclass(frozen=True)
class Findings:
    """What the settings are here, and what was found on the way.

    Attributes:
        path: the file that applies, None where there is none.
        resolution: values, sources and mistakes.
        warnings: variables with our prefix that nothing reads; they may be another tool's.
    """

    path: Path | None
    resolution: Resolution
    warnings: Sequence[str]


def load_settings(environment: Environment | None = None) -> Settings:
    """Return the settings that hold here; in `environment`, if one is given, whatever else names another.

    Raises:
        SettingsError: a value is wrong, the file has an unknown key, or it cannot be read.
    """
    resolution = _resolution(settings_file(), environment)
    if resolution.mistakes:
        raise resolution.mistakes[0]
    return resolution.settings


def find_settings() -> Findings:
    """Return the settings with their sources and all that is wrong with them.

    Raises:
        SettingsError: the file cannot be read, or is not TOML.
    """
    path = settings_file()
    return Findings(path, _resolution(path), unknown_variables(os.environ))


def _resolution(path: Path | None, asked: Environment | None = None) -> Resolution:
    environment = _environment()
    if asked is not None:
        environment = {**environment, "environment": Given(asked, Source("environment"))}
    if path is None:
        return resolve([environment])
    file = FileLayers(read_settings_file(path))
    # Which section holds is said outside of the sections.
    name = next(
        (layer["environment"].value for layer in (environment, file.top) if "environment" in layer), None
    )
    name = name or Settings.model_fields["environment"].default
    section = file.sections.get(name, {}) if isinstance(name, str) else {}
    return resolve([environment, section, file.top], file.mistakes)


def _environment() -> Layer:
    spelt = {name.upper(): name for name in os.environ}
    return {
        name: Given(value, Source("environment", variable=spelt[variable(name)]))
        for name, value in EnvSettingsSource(Settings)().items()
    }
