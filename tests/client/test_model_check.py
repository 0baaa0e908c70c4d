"""Files as they have to be, or what is wrong with them. Real files."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.client.file_notes import FileNote, checkpoint_of, notes_of_entry, to_entry
from sleap_rtc.client.model_check import Reading, check_files, has_model
from sleap_rtc.storage.checksum import crc64nvme, to_text

if TYPE_CHECKING:
    from pathlib import Path

OLD_NS = 1_700_000_000_123_456_789


def note(name: str, body: bytes, mtime_ns: int | None = OLD_NS) -> FileNote:
    return FileNote(name, len(body), to_text(crc64nvme(body)), mtime_ns)


def write(folder: Path, name: str, body: bytes, mtime_ns: int = OLD_NS) -> None:
    path = folder / name
    path.write_bytes(body)
    os.utime(path, ns=(mtime_ns, mtime_ns))


@pytest.mark.parametrize("reading", list(Reading))
def test_files_as_they_were_noted_are_verified(tmp_path: Path, reading: Reading) -> None:
    write(tmp_path, "best.ckpt", b"weights")
    checked = check_files(tmp_path, [note("best.ckpt", b"weights")], reading)
    assert (checked.verified, checked.notes) == (True, (note("best.ckpt", b"weights"),))


def test_a_file_of_the_noted_time_is_read_only_if_all_are(tmp_path: Path) -> None:
    write(tmp_path, "best.ckpt", b"altered")
    noted = [note("best.ckpt", b"weights")]
    assert check_files(tmp_path, noted, Reading.TOUCHED).verified
    assert check_files(tmp_path, noted, Reading.ALL).wrong == ("best.ckpt was changed",)


@pytest.mark.parametrize("noted_ns", [None, OLD_NS - 1])
def test_a_file_of_another_time_is_read_unless_one_only_looks(tmp_path: Path, noted_ns: int | None) -> None:
    write(tmp_path, "best.ckpt", b"weights")
    noted = [note("best.ckpt", b"weights", noted_ns)]
    assert check_files(tmp_path, noted, Reading.TOUCHED).notes == (note("best.ckpt", b"weights"),)
    looked = check_files(tmp_path, noted, Reading.NONE)
    assert (looked.verified, looked.wrong, looked.unread) == (False, (), ("best.ckpt",))


@pytest.mark.parametrize("reading", list(Reading))
def test_sizes_count_however_little_is_read(tmp_path: Path, reading: Reading) -> None:
    write(tmp_path, "a.ckpt", b"weights")
    checked = check_files(tmp_path, [note("a.ckpt", bytes(1234)), note("b.json", b"")], reading)
    assert checked.wrong == ("a.ckpt has 7 bytes instead of 1,234", "b.json is missing")


def test_what_cannot_be_read_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").mkdir()
    (wrong,) = check_files(tmp_path, [note("a.ckpt", b"")], Reading.TOUCHED).wrong
    assert wrong.startswith("a.ckpt cannot be read (")


@pytest.mark.parametrize(
    ("name", "found"),
    [("best.ckpt", True), ("a/best.h5", True), ("a/b/x.pt", True), ("a/b/c/x.pt", False), ("x.txt", False)],
)
def test_a_folder_has_a_model_if_a_checkpoint_is_near(tmp_path: Path, name: str, found: bool) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    assert has_model(tmp_path) == found
    assert not has_model(tmp_path / name)


def test_the_best_checkpoint_holds_the_weights() -> None:
    assert checkpoint_of(["a.ckpt", "best.ckpt", "config.yaml"]) == "best.ckpt"
    assert checkpoint_of(["b.pt", "a.h5"]) == "a.h5"
    assert checkpoint_of(["config.yaml"]) is None


NOTES = st.builds(
    FileNote,
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
    st.integers(0, 2**60),
    st.text(),
    st.none() | st.integers(-(2**62), 2**62),
)


@given(st.lists(NOTES))
def test_notes_come_back_from_an_entry_as_they_went_in(notes: list[FileNote]) -> None:
    assert notes_of_entry({"files": to_entry(notes)}) == tuple(notes)


@given(st.binary(min_size=1, max_size=64), st.integers(0, 511))
def test_one_flipped_bit_is_found(tmp_path_factory: pytest.TempPathFactory, body: bytes, bit: int) -> None:
    folder = tmp_path_factory.mktemp("model")
    altered = bytearray(body)
    altered[bit // 8 % len(body)] ^= 1 << bit % 8
    write(folder, "a.ckpt", bytes(altered))
    noted = replace(note("a.ckpt", body), mtime_ns=None)
    assert check_files(folder, [noted], Reading.TOUCHED).wrong == ("a.ckpt was changed",)
