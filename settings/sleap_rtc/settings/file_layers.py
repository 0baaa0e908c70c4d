"""Pure: what a settings file says: its top level, the section of an environment, and its mistakes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sleap_rtc.settings.errors import SettingsError, UnknownSetting, WrongValue
from sleap_rtc.settings.names import ENVIRONMENTS, SETTINGS, nearest, printable
from sleap_rtc.settings.resolution import Given, Layer, Source

if TYPE_CHECKING:
    from sleap_rtc.settings.settings_file import SettingsFile

_HEADER = re.compile(r"^\s*\[+\s*[\"']?([^\]]+?)[\"']?\s*\]")
_KEY = re.compile(r"^\s*[\"']?([\w-]+)[\"']?\s*=")


class FileLayers:
    """A settings file, taken apart.

    Attributes:
        top: what holds in every environment.
        sections: what holds in one, by its name; it comes before the top level.
        mistakes: keys and sections that do not exist, or not there.
    """

    def __init__(self, file: SettingsFile) -> None:
        self._file = file
        self._lines = _lines(file.text)
        self.mistakes: list[SettingsError] = []
        sections = {name: file.content[name] for name in ENVIRONMENTS if name in file.content}
        top = {name: value for name, value in file.content.items() if name not in sections}
        self.top = self._layer("", top)
        self.sections = {name: self._section(name, content) for name, content in sections.items()}

    def _section(self, name: str, content: Any) -> Layer:
        if not isinstance(content, dict):
            why = f"it is a section, so write [{name}] on a line of its own and what it sets below"
            self.mistakes.append(WrongValue(name=name, why=why, where=self._source("", name)))
            return {}
        if "environment" in content:
            why = "a section cannot say which environment this is"
            where = self._source(name, "environment")
            self.mistakes.append(WrongValue(name="environment", why=why, where=where))
        return self._layer(name, {key: value for key, value in content.items() if key != "environment"})

    def _layer(self, section: str, content: dict[str, Any]) -> Layer:
        layer: Layer = {}
        for name, value in content.items():
            if name in SETTINGS:
                layer[name] = Given(value, self._source(section, name))
            else:
                self.mistakes.append(self._unknown(section, name, isinstance(value, dict)))
        return layer

    def _unknown(self, section: str, name: str, is_section: bool) -> UnknownSetting:
        return UnknownSetting(
            what="section" if is_section else "setting",
            name=printable(name),
            where=self._source(section, name),
            nearest=nearest(name, ENVIRONMENTS if is_section else SETTINGS),
        )

    def _source(self, section: str, name: str) -> Source:
        return Source(
            "section" if section else "file",
            path=self._file.path,
            section=section,
            line=self._lines.get((section, name)),
        )


def _lines(text: str) -> dict[tuple[str, str], int]:
    """Return the line of each key by section; of none where texts of several lines may look like keys."""
    found: dict[tuple[str, str], int] = {}
    if '"""' in text or "'''" in text:
        return found
    section = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            section = header[1]
            found.setdefault(("", section), number)
        elif key := _KEY.match(line):
            found.setdefault((section, key[1]), number)
    return found
