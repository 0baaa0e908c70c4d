"""Pure: which of several values of a setting holds, where it comes from, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from sleap_rtc.settings.environments import refusals
from sleap_rtc.settings.errors import SettingsError, WrongValue
from sleap_rtc.settings.model import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pydantic_settings import BaseSettings, PydanticBaseSettingsSource


@dataclass(frozen=True)
class Source:
    """Where a value comes from: a variable, a section or the top level of a file, or nowhere."""

    kind: Literal["environment", "section", "file", "default"]
    variable: str = ""
    path: Path | None = None
    section: str = ""
    line: int | None = None

    def __str__(self) -> str:
        """Return the place as a person would name it."""
        if self.kind in ("environment", "default"):
            return self.variable or self.kind
        section = f"[{self.section}] of " if self.section else ""
        line = "" if self.line is None else f", line {self.line}"
        return f"{section}{self.path}{line}"


@dataclass(frozen=True)
class Given:
    """A value as it was written down, and where."""

    value: Any = field(repr=False)  # it may be a secret
    source: Source


Layer = dict[str, Given]


@dataclass(frozen=True)
class Resolution:
    """The settings and how they came about.

    Attributes:
        settings: what holds; a setting with a wrong value has its default here.
        given: what was said about each setting, the one that holds first.
        mistakes: all that is wrong with the file and the values.
    """

    settings: Settings
    given: Mapping[str, Sequence[Given]]
    mistakes: Sequence[SettingsError]

    def source(self, name: str) -> Source:
        """Return where the value of a setting comes from."""
        given = self.given.get(name)
        return given[0].source if given else Source("default")


class _FromLayers(Settings):
    """Settings that are made of what they are given alone; the layers have the environment in them."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def resolve(layers: Sequence[Layer], mistakes: Sequence[SettingsError] = ()) -> Resolution:
    """Put layers of settings together, the first comes before the second.

    Args:
        layers: what was said about settings that exist.
        mistakes: what is known to be wrong already.
    """
    names = dict.fromkeys(name for layer in layers for name in layer)
    given = {name: [layer[name] for layer in layers if name in layer] for name in names}
    holds = {name: values[0].value for name, values in given.items()}
    wrong = _wrong_values(holds)
    settings = _FromLayers(**{name: value for name, value in holds.items() if name not in wrong})
    resolution = Resolution(settings, given, ())
    found = [
        WrongValue(name=name, why=why, where=resolution.source(name))
        for name, why in {**refusals(settings), **wrong}.items()
    ]
    return Resolution(settings, given, (*mistakes, *found))


def _wrong_values(values: Mapping[str, Any]) -> dict[str, str]:
    try:
        _FromLayers(**values)
    except ValidationError as error:
        return {str(found["loc"][0]): _in_our_words(found["msg"]) for found in error.errors()}
    return {}


def _in_our_words(message: str) -> str:
    return message.replace("Input should", "it should", 1)
