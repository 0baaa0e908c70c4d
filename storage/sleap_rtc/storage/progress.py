"""Pure: how a transfer tells what it has done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol


@dataclass(frozen=True)
class TransferProgress:
    """Bytes that the other side acknowledged (or that were verified), never what sits in a buffer."""

    done_bytes: int
    total_bytes: int
    resumed_bytes: int = 0
    """Of `done_bytes`, what an earlier run had already brought over."""
    trouble: str = ""
    """Why nothing moves at the moment, in words; empty while it does."""


class ProgressHook(Protocol):
    """Called from worker threads, after each part or range."""

    def __call__(self, progress: TransferProgress, /) -> None:
        """Take note; must not block. What is raised here ends nothing (`progress_guard.py`)."""


def no_progress(progress: TransferProgress) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class OfSeveral:
    """Tells how far several files are, one after the other, from how far one of them is (a `ProgressHook`).

    Args:
        told: is told.
        before_bytes: of the files before this one.
        total_bytes: of all of them.
    """

    told: ProgressHook
    before_bytes: int
    total_bytes: int

    def __call__(self, progress: TransferProgress, /) -> None:
        """Take note of how far this file is."""
        done = self.before_bytes + progress.done_bytes
        self.told(replace(progress, done_bytes=done, total_bytes=self.total_bytes))
