"""Adapter: where a worker makes folders for its jobs, and what of workers that were killed is cleared away.

work/
└── gpu7-4026531836.4711.01KAS3FZ3Q8Y5T0V9J6W2M4N7P/     one process, as in `storage/process_tag.py`
    └── 01JD0000000000000000000000-x3k2/                one job
"""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sleap_rtc.storage.process_tag import PATTERN, in_force, process_tag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def work_folder(shared: Path) -> Iterator[Path]:
    """Yield a folder of this process below one that several workers may share, and remove it afterwards.

    What lies there of processes that are gone is removed at first: datasets and checkpoints of jobs that
    others have long since taken. Raises OSError.
    """
    shared.mkdir(parents=True, exist_ok=True)
    for left in shared.iterdir():
        if left.is_dir() and re.fullmatch(PATTERN, left.name) and not in_force(left.name):
            shutil.rmtree(left, ignore_errors=True)
    with process_tag() as tag:
        mine = shared / tag
        mine.mkdir()
        try:
            yield mine
        finally:
            shutil.rmtree(mine, ignore_errors=True)
