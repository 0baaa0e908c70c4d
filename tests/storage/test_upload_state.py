"""The state file of an upload: what a kill at any instant leaves behind, and who may touch it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sleap_rtc.storage.errors import FileInUse, FileMissing, FileUnreadable
from sleap_rtc.storage.part_plan import MIB, Part
from sleap_rtc.storage.upload_session import SentPart
from sleap_rtc.storage.upload_state import SUFFIX, FileIdentity, UploadHeader, UploadState

if TYPE_CHECKING:
    from collections.abc import Iterator

PART_BYTES = 5 * MIB
NOBODY = 65534


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "recording.zip"
    path.touch()
    os.truncate(path, 4 * PART_BYTES - 1)
    return path


def header(file: Path, upload_id: str = "lab-1") -> UploadHeader:
    return UploadHeader(
        file=FileIdentity.of(file),
        part_size_bytes=PART_BYTES,
        service="http://service",
        room_id="lab",
        upload_id=upload_id,
        job="{}",
    )


def sent(number: int, length: int = PART_BYTES) -> SentPart:
    return SentPart(number, length, crc=number * 11, etag=f'"{number}"')


def leave(file: Path, *parts: SentPart) -> None:
    """Begin an upload, acknowledge parts, and end the process without completing."""
    with UploadState(file) as state:
        state.begin(header(file))
        for part in parts:
            state.record(part)


def found(file: Path) -> dict[int, SentPart] | None:
    """Return the parts that the next run finds, None where it finds nothing to go on from."""
    with UploadState(file) as state:
        return state.parts if state.header else None


def beside(file: Path) -> Path:
    return file.with_name(file.name + SUFFIX)


@contextmanager
def held_by_another_process(file: Path) -> Iterator[None]:
    script = (
        "import sys; from pathlib import Path; from sleap_rtc.storage.upload_state import UploadState\n"
        "with UploadState(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield


def test_the_next_run_finds_what_the_killed_one_was_told(file: Path) -> None:
    leave(file, sent(1), sent(3))
    with UploadState(file) as state:
        assert state.header == header(file)
        assert state.parts == {1: sent(1), 3: sent(3)}


def test_the_plan_stays_the_one_that_the_upload_was_begun_with(file: Path) -> None:
    leave(file)
    with UploadState(file) as state:
        assert state.header is not None
        assert state.header.plan.part(4) == Part(4, 3 * PART_BYTES, PART_BYTES - 1)


def test_a_file_that_was_never_sent_has_no_state(file: Path) -> None:
    assert found(file) is None


def test_nothing_is_left_once_the_upload_is_forgotten(file: Path) -> None:
    leave(file, sent(1))
    with UploadState(file) as state:
        state.forget()
    assert list(file.parent.iterdir()) == [file]


def test_a_new_upload_takes_the_place_of_the_old_one_and_its_parts(file: Path) -> None:
    leave(file, sent(1))
    with UploadState(file) as state:
        state.begin(header(file, "lab-2"))
    with UploadState(file) as state:
        assert state.header == header(file, "lab-2")
        assert state.parts == {}


@given(cut=st.integers(1, 10_000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_a_kill_at_any_byte_costs_at_most_the_line_being_written(file: Path, cut: int) -> None:
    leave(file, sent(1), sent(2), sent(3))
    whole = beside(file).read_bytes()
    beside(file).write_bytes(whole[:-cut])
    complete_lines = max(0, whole[:-cut].count(b"\n") - 1)
    assert list(found(file) or {}) == [1, 2, 3][:complete_lines]


def test_parts_recorded_after_a_torn_line_are_found_too(file: Path) -> None:
    leave(file, sent(1), sent(2))
    os.truncate(beside(file), beside(file).stat().st_size - 5)
    with UploadState(file) as state:
        state.record(sent(3))
        state.record(sent(4, PART_BYTES - 1))
    assert list(found(file) or {}) == [1, 3, 4]


@pytest.mark.parametrize(
    "text",
    ["", "\n", "not json\n", "{}\n", '{"version": 1}\n', "[1]\n"],
    ids=["empty", "blank", "words", "object", "version alone", "list"],
)
def test_a_foreign_file_is_no_state(file: Path, text: str) -> None:
    beside(file).write_text(text)
    assert found(file) is None


@pytest.mark.parametrize("data", [b"\x00" * 300, b"\xff\xfe\xfd\n"], ids=["zeros", "bytes"])
def test_what_a_power_cut_made_of_the_file_is_no_state(file: Path, data: bytes) -> None:
    beside(file).write_bytes(data)
    assert found(file) is None


def test_the_state_of_another_version_is_not_gone_on_from(file: Path) -> None:
    leave(file, sent(1))
    text = beside(file).read_text()
    beside(file).write_text(text.replace('"version":1', '"version":2', 1))
    assert found(file) is None


@pytest.mark.parametrize("wrong", [sent(2, PART_BYTES - 1), sent(0), sent(5)], ids=["length", "0", "5"])
def test_a_part_that_is_not_in_the_plan_is_not_believed(file: Path, wrong: SentPart) -> None:
    leave(file, sent(1), wrong)
    assert list(found(file) or {}) == [1]


def test_a_file_that_another_process_sends_is_in_use(file: Path) -> None:
    leave(file, sent(1))
    with held_by_another_process(file), pytest.raises(FileInUse, match="already sending"), UploadState(file):
        pass
    assert found(file) == {1: sent(1)}


def test_the_lock_is_gone_when_nobody_sends_the_file(file: Path) -> None:
    with held_by_another_process(file):
        assert Path(f"{beside(file)}.lock").exists()
    leave(file)
    assert sorted(file.parent.iterdir()) == [file, beside(file)]


def test_no_two_processes_ever_send_the_file_at_once(file: Path) -> None:
    """Each goes in and out as fast as it can; a marker that is there already means that two are in."""
    script = (
        "import os, sys; from pathlib import Path\n"
        "from sleap_rtc.storage.errors import FileInUse\n"
        "from sleap_rtc.storage.upload_state import UploadState\n"
        "file, marker = Path(sys.argv[1]), Path(sys.argv[1] + '.marker')\n"
        "times_inside = 0\n"
        "while times_inside < 200:\n"
        "    try:\n"
        "        with UploadState(file):\n"
        "            marker.touch(exist_ok=False); os.sched_yield(); marker.unlink()\n"
        "            times_inside += 1\n"
        "    except FileInUse: pass"
    )
    peers = [subprocess.Popen([sys.executable, "-c", script, str(file)]) for _ in range(3)]
    assert [peer.wait() for peer in peers] == [0, 0, 0]


def test_a_state_that_cannot_be_written_leaves_the_earlier_one_whole(file: Path) -> None:
    leave(file, sent(1))
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from sleap_rtc.storage.upload_state import UploadState\n"
        "with UploadState(Path(sys.argv[1])) as state:\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))\n"
        "    state.begin(state.header)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=False
    )
    assert "File too large" in done.stderr
    assert found(file) == {1: sent(1)}


@contextmanager
def a_folder_that_may_not_be_written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder with a file in it; for root, who may write everywhere, as somebody else."""
    with tempfile.TemporaryDirectory() as name:
        folder, home = Path(name) / "data", Path(name) / "home"
        for each in (folder, home):
            each.mkdir()
        (folder / "recording.zip").write_bytes(b"x")
        Path(name).chmod(0o755)
        home.chmod(0o777)
        folder.chmod(0o555)
        monkeypatch.setenv("XDG_STATE_HOME", str(home))
        monkeypatch.setenv("HOME", str(home))
        root = os.geteuid() == 0
        try:
            if root:
                os.setresuid(NOBODY, NOBODY, 0)
            yield folder
        finally:
            if root:
                os.setresuid(0, 0, 0)
            folder.chmod(0o755)


def test_the_state_of_a_file_in_a_read_only_folder_lies_in_the_users_folder(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(file)  # what is imported on first use is imported with the rights of the test
    with a_folder_that_may_not_be_written(monkeypatch) as folder:
        source = folder / "recording.zip"
        leave(source)
        assert found(source) == {}
        assert list(folder.iterdir()) == [source]
        assert UploadState(source).path.is_relative_to(os.environ["HOME"])


def test_a_file_is_known_by_its_size_time_and_inode(file: Path) -> None:
    before = FileIdentity.of(file)
    assert FileIdentity.of(file) == before
    os.utime(file, ns=(0, before.mtime_ns + 1))
    assert FileIdentity.of(file) != before


@pytest.mark.parametrize("name", ["nothing.zip", "."])
def test_what_is_not_a_file_is_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileMissing, match="no file at"):
        FileIdentity.of(tmp_path / name)


def test_a_file_that_may_not_be_looked_at_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="File name too long"):
        FileIdentity.of(tmp_path / ("x" * 300))
