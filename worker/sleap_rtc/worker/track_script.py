"""Pure: what a package's `track-script.sh` asks for. The script is read, never run.

    sleap-nn track \\
      --data_path labels.slp \\
      --model_paths models/centroid --model_paths models/centered_instance \\
      -o labels.predictions.slp

Only what lies in the package may be named: no path that is absolute, leads out of it, or has a drive.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from sleap_rtc.worker.errors import PackageRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

SCRIPT = "track-script.sh"
_TRACK_LINE = re.compile(r"^\s*sleap-nn\s+track\s+(.+)$", re.MULTILINE)
_OUTPUT = frozenset({"-o", "--output", "--output_path"})


@dataclass(frozen=True)
class TrackCommand:
    """One command: what follows `sleap-nn track`."""

    arguments: tuple[str, ...]

    @property
    def output(self) -> str:
        """Where it is to write; empty if it does not say."""
        for option, value in zip(self.arguments, [*self.arguments[1:], ""], strict=False):
            name, separator, joined = option.partition("=")
            if name in _OUTPUT:
                return joined if separator else value
        return ""


def read_track_script(text: str) -> tuple[TrackCommand, ...]:
    """Read a script: one command at least.

    Raises:
        PackageRefused: there is none in it, or one that names what lies elsewhere.
    """
    found = []
    for line in _TRACK_LINE.findall(re.sub(r"\\\r?\n", " ", text)):
        try:
            arguments = tuple(shlex.split(line, comments=True))
        except ValueError as error:
            raise PackageRefused(why=f"a command of its {SCRIPT} cannot be read ({error})") from error
        _check(arguments)
        found.append(TrackCommand(arguments))
    if not found:
        raise PackageRefused(why=f"its {SCRIPT} has no sleap-nn track")
    return tuple(found)


def _check(arguments: Sequence[str]) -> None:
    for argument in arguments:
        value = argument.partition("=")[2] if argument.startswith("-") else argument
        leads_out = (
            ".." in PurePosixPath(value.replace("\\", "/")).parts
            or value.startswith(("/", "\\", "~"))
            or bool(PureWindowsPath(value).drive)
        )
        if leads_out:
            raise PackageRefused(why=f"its {SCRIPT} names {value!r:.100}, which is not in the package")
