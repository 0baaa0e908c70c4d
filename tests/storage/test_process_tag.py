"""Tags: files of processes that live are kept, those of processes that died are not."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from ulid import ULID

from sleap_rtc.storage.process_tag import in_force, process_tag

SCRIPT = (
    "import sys; from sleap_rtc.storage.process_tag import process_tag\n"
    "with process_tag() as tag: print(tag, flush=True); sys.stdin.read()"
)
DAY_S = 24 * 3600


def of_another_machine(age_s: float = 0) -> str:
    return f"other.lab-4026531836.{os.getpid()}.{ULID.from_timestamp(time.time() - age_s)}"


def test_a_tag_is_in_force_until_its_context_closes() -> None:
    with process_tag() as tag:
        assert in_force(tag)
    assert not in_force(tag)


def test_a_tag_of_another_process_is_in_force_while_that_lives() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        tag = other.stdout.readline().strip()
        assert in_force(tag)
        other.kill()
    assert not in_force(tag)


def test_a_tag_of_an_earlier_process_with_this_pid_is_not_in_force() -> None:
    with process_tag() as tag:
        place, pid, _ = tag.rsplit(".", 2)
    assert not in_force(f"{place}.{pid}.{ULID()}")


@pytest.mark.skipif(sys.platform != "linux", reason="process 1 belongs to somebody else on Linux")
def test_a_process_of_another_user_lives_too() -> None:
    with process_tag() as tag:
        place, _, ulid = tag.rsplit(".", 2)
    assert in_force(f"{place}.1.{ulid}")


def test_another_machine_is_believed_for_a_week() -> None:
    assert in_force(of_another_machine())
    assert in_force(of_another_machine(6 * DAY_S))
    assert not in_force(of_another_machine(8 * DAY_S))


@pytest.mark.parametrize("name", ["", "data", "a.b.c", "a.x.01J0000000000000000000000", ".DS_Store"])
def test_other_names_are_no_tags(name: str) -> None:
    assert not in_force(name)
