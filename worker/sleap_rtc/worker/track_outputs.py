"""Adapter: which file a command of an inference wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from sleap_rtc.worker.track_script import TrackCommand


def labels_in(folder: Path) -> Sequence[Path]:
    """Return the files of SLEAP's below a folder, by name."""
    return sorted(folder.rglob("*.slp"))


def output_of(folder: Path, command: TrackCommand, before: Collection[Path]) -> Path | None:
    """Return the file that a command names as its output, else the first that was not there before."""
    named = folder / command.output
    if command.output and named.is_file() and not named.is_symlink():
        return named
    return next((path for path in labels_in(folder) if path not in before and not path.is_symlink()), None)
