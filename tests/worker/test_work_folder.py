"""Folders of jobs: one place for each process, and none is left of those that were killed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from sleap_rtc.worker.work_folder import work_folder

if TYPE_CHECKING:
    from pathlib import Path

HOLDS_ONE = """
import pathlib, sys
from sleap_rtc.worker.work_folder import work_folder
with work_folder(pathlib.Path(sys.argv[1])) as mine:
    (mine / "job").mkdir()
    print(mine, flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_worker_left_is_removed_by_the_next_and_what_a_living_one_has_is_not(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", HOLDS_ONE, str(tmp_path / "work")]
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "my.own.notes").mkdir()
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killed,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as living,
    ):
        assert killed.stdout is not None
        assert living.stdout is not None
        left, kept = killed.stdout.readline().strip(), living.stdout.readline().strip()
        killed.kill()
        killed.wait()
        with work_folder(tmp_path / "work") as mine:
            assert {str(path) for path in (tmp_path / "work").iterdir()} == {
                str(mine),
                kept,
                str(tmp_path / "work" / "my.own.notes"),
            }
            assert left != kept
        assert not mine.exists()
        living.communicate()
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["my.own.notes"]
