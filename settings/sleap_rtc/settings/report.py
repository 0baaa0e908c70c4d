"""Pure: settings as they are shown: no secret in them, each with its source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sleap_rtc.settings.model import Settings
from sleap_rtc.settings.names import SECRETS, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleap_rtc.settings.resolution import Given, Resolution, Source

_PASSWORD = re.compile(r"//[^/\s]*@")


@dataclass(frozen=True)
class Shown:
    """A value that anybody may see, and where it comes from."""

    value: Any
    source: Source

    @property
    def text(self) -> str:
        """The value for people."""
        return "-" if self.value in (None, "") else printable(str(self.value))

    def as_json(self) -> dict[str, object]:
        """Return what a script reads."""
        source = self.source
        return {
            "value": self.value,
            "source": source.kind,
            "variable": source.variable or None,
            "file": str(source.path) if source.path else None,
            "section": source.section or None,
            "line": source.line,
        }


@dataclass(frozen=True)
class Line:
    """A setting: what holds, and what was said elsewhere and does not hold."""

    name: str
    holds: Shown
    overruled: Sequence[Shown]

    def as_json(self) -> dict[str, object]:
        """Return what a script reads."""
        overruled = [shown.as_json() for shown in self.overruled]
        return {"name": self.name, **self.holds.as_json(), "overruled": overruled}


def report(resolution: Resolution) -> list[Line]:
    """Return every setting; one that is wrong is shown as it was written."""
    # A secret is dumped as asterisks, an empty one as nothing.
    values = resolution.settings.model_dump(mode="json")
    wrong = {mistake.name for mistake in resolution.mistakes}
    lines = []
    for name in Settings.model_fields:
        given = resolution.given.get(name, ())
        value = given[0].value if given and name in wrong else values[name]
        holds = Shown(_shown(name, value), resolution.source(name))
        lines.append(Line(name, holds, [_as_written(name, other) for other in given[1:]]))
    return lines


def _as_written(name: str, given: Given) -> Shown:
    return Shown(_shown(name, given.value), given.source)


def _shown(name: str, value: Any) -> Any:
    if name in SECRETS:
        return "set" if value else "not set"
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    if isinstance(value, str):
        return _PASSWORD.sub("//[redacted]@", value)
    return value if isinstance(value, (bool, int, float, type(None))) else str(value)
