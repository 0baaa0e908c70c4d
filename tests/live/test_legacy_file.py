"""A file in the frames of the existing tool's channel: its name, its bytes, its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.loop import in_loop

from sleap_rtc.live.errors import LegacyFileRefused
from sleap_rtc.live.legacy_file import Incoming, checked_name, frames_of
from sleap_rtc.live.legacy_frames import KEEP_ALIVE, FileMeta
from sleap_rtc.live.legacy_inbox import FileOnDisk
from sleap_rtc.storage.errors import DiskFull

NAME = "labels.zip"
FULL = Path("/dev/full")


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def incoming(size_bytes: int, most_bytes: int = 1000) -> Incoming:
    return Incoming(FileMeta(NAME, size_bytes, "False"), most_bytes)


@pytest.mark.parametrize(
    "name", ["labels.v001.zip", "Mäuse im Käfig.zip", ".hidden", "con1.zip", "a..b", "日本"]
)
def test_a_plain_name_is_taken(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x.zip",
        "a/../../x",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "..\\x",
        "C:x.zip",
        "C:\\x.zip",
        "x.zip:stream",
        "nul",
        "NUL.zip",
        "com1",
        "Lpt9.tar.gz",
        "con .zip",
        "a\x00b",
        "a\nb",
        "a\x7f",
        "x.zip.",
        "x.zip ",
        "a" * 201,
        "ü" * 128,
        "what?",
        "\ud800",
    ],
)
def test_a_name_that_is_more_or_less_than_a_name_is_refused(name: str) -> None:
    with pytest.raises(LegacyFileRefused, match="plain name"):
        checked_name(name)


def test_a_file_is_whole_with_the_bytes_that_were_announced() -> None:
    file = incoming(5)
    assert (file.take(b"he"), file.take(KEEP_ALIVE), file.take(b"llo"), file.end()) == (
        b"he",
        b"",
        b"llo",
        b"",
    )


def test_a_file_that_is_too_short_is_refused() -> None:
    file = incoming(5)
    file.take(b"hell")
    with pytest.raises(LegacyFileRefused, match="5 bytes, and 4 came"):
        file.end()


def test_a_file_that_is_too_long_is_refused_as_soon_as_it_is() -> None:
    file = incoming(5)
    file.take(b"hell")
    with pytest.raises(LegacyFileRefused, match="more came"):
        file.take(b"oo")


def test_a_file_beyond_the_limit_is_refused_before_it_comes() -> None:
    with pytest.raises(LegacyFileRefused, match="1,000 is the limit"):
        incoming(1001)


def test_a_file_without_bytes_is_one() -> None:
    assert incoming(0).end() == b""


def test_a_file_may_end_like_a_keep_alive() -> None:
    file = incoming(3 + len(KEEP_ALIVE))
    assert (file.take(b"abc"), file.take(KEEP_ALIVE), file.end()) == (b"abc", b"", KEEP_ALIVE)


def test_a_keep_alive_where_a_file_might_end_like_one_costs_nothing() -> None:
    file = incoming(3 + len(KEEP_ALIVE))
    file.take(b"abc")
    file.take(KEEP_ALIVE)
    assert file.take(b"0123456789") == b"0123456789"
    assert file.end() == b""


@given(st.binary(max_size=200), st.integers(1, 20), st.sets(st.integers(0, 30)))
def test_what_is_cut_into_frames_is_joined_again_whatever_keep_alives_come_between(
    content: bytes, frame_bytes: int, alive_at: set[int]
) -> None:
    content += KEEP_ALIVE
    file, joined = incoming(len(content)), b""
    for number, frame in enumerate(frames_of(content, frame_bytes)):
        assert frame != KEEP_ALIVE
        if number in alive_at:
            joined += file.take(KEEP_ALIVE)
        joined += file.take(frame)
    assert joined + file.end() == content


@in_loop
async def test_a_file_appears_once_it_is_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    file = FileOnDisk(FileMeta(NAME, len(content), "False"), tmp_path)
    for frame in frames_of(content, 32 * 1024):
        file.take(frame)
    assert names_in(tmp_path) == [f"{NAME}.part"]
    assert (await file.finish()).read_bytes() == content
    assert names_in(tmp_path) == [NAME]


@in_loop
async def test_nothing_is_left_of_a_file_that_was_given_up(tmp_path: Path) -> None:
    file = FileOnDisk(FileMeta(NAME, 10, "False"), tmp_path)
    file.take(b"half")
    with pytest.raises(LegacyFileRefused):
        await file.finish()
    file.abandon()
    assert not names_in(tmp_path)


def test_a_file_that_the_disk_cannot_hold_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(DiskFull):
        FileOnDisk(FileMeta(NAME, 1 << 62, "False"), tmp_path, most_bytes=1 << 63)
    assert not names_in(tmp_path)


def take_much(file: FileOnDisk) -> None:
    for _ in range(1000):
        file.take(bytes(64 * 1024))


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
@in_loop
async def test_a_full_disk_is_told_of_and_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").symlink_to(FULL)
    file = FileOnDisk(FileMeta(NAME, 1 << 30, "False"), tmp_path)
    with pytest.raises(OSError, match="No space left"):
        take_much(file)
    file.abandon()
    assert not names_in(tmp_path)
