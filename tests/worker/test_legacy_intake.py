"""What a client of the existing tool brings, frame by frame, without a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.loop import in_loop, in_virtual_time

from sleap_rtc.live.errors import LegacyFileRefused
from sleap_rtc.live.legacy_frames import (
    KEEP_ALIVE,
    EndOfFile,
    FileMeta,
    LogLine,
    Other,
    OutputDir,
    PackageType,
)
from sleap_rtc.storage.errors import DiskFull
from sleap_rtc.worker.legacy_intake import Intake, Parcel

if TYPE_CHECKING:
    from pathlib import Path

META = FileMeta("labels.zip", 4, "True")


def taken(folder: Path, *frames: Any) -> Intake:
    intake = Intake(folder)
    for frame in frames:
        intake.take(frame)
    return intake


@in_loop
async def test_a_package_comes_with_what_is_to_be_done_with_it(tmp_path: Path) -> None:
    intake = taken(
        tmp_path, KEEP_ALIVE, PackageType("track"), OutputDir("out"), META, b"ab", b"cd", EndOfFile()
    )
    parcel = await intake.whole()
    assert parcel == Parcel(tmp_path / "labels.zip", "track", "out", wants_progress=True)
    assert (parcel.stem, parcel.path.read_bytes()) == ("labels", b"abcd")


@in_loop
async def test_what_an_older_client_does_not_say_is_a_training_into_models(tmp_path: Path) -> None:
    parcel = await taken(tmp_path, FileMeta("labels.zip", 0, "False"), EndOfFile()).whole()
    assert (parcel.kind, parcel.output_dir, parcel.wants_progress) == ("train", "models", False)


@in_loop
async def test_what_means_nothing_here_is_let_be(tmp_path: Path) -> None:
    frames = (LogLine("hello"), Other("AUTH_RESPONSE", "x"), META, Other("CR"), b"abcd", EndOfFile())
    intake = taken(tmp_path, *frames, b"more", EndOfFile())
    assert (await intake.whole()).path.read_bytes() == b"abcd"


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        ([b"x", META, b"abcd", EndOfFile()], "before its announcement"),
        ([EndOfFile()], "ended before it was announced"),
        ([PackageType("delete")], "no known kind"),
        ([FileMeta("../x.zip", 1, "False")], "plain name"),
        ([FileMeta("/etc/x.zip", 1, "False")], "plain name"),
        ([META, META], "another file"),
        ([META, b"abcde"], "more came"),
        ([META, b"abc", EndOfFile()], "4 bytes, and 3 came"),
        ([FileMeta("x.zip", 1 << 50, "False")], "is the limit"),
    ],
)
def test_what_is_out_of_order_is_refused(tmp_path: Path, frames: list[Any], why: str) -> None:
    @in_loop
    async def story() -> None:
        intake = taken(tmp_path, *frames)
        with pytest.raises(LegacyFileRefused, match=why):
            await intake.whole()
        intake.abandon()
        assert not left_in(tmp_path)

    story()


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@in_loop
async def test_a_disk_without_room_is_told_of(tmp_path: Path) -> None:
    intake = taken(tmp_path, FileMeta("x.zip", (1 << 40) - 1, "False"))
    with pytest.raises(DiskFull):
        await intake.whole()


@in_virtual_time
async def test_keep_alives_are_no_progress(tmp_path: Path) -> None:
    intake = taken(tmp_path, META, KEEP_ALIVE, b"ab", KEEP_ALIVE)
    with pytest.raises(LegacyFileRefused, match="nothing of it came for 60 s"):
        await intake.whole()
    intake.abandon()


def test_a_job_has_a_name_before_its_configurations_are_known(tmp_path: Path) -> None:
    @in_loop
    async def story() -> None:
        assert taken(tmp_path).name == "package"
        intake = taken(tmp_path, META)
        assert intake.name == "labels"
        intake.abandon()

    story()
