"""The partial file of a download: what a kill at any instant costs, and who may go on with what is left."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.partial_bench import CONTENT, PART_BYTES, PartialBench, Peer, at_every_line
from support.tamper import flip_a_byte

from sleap_rtc.storage.errors import DiskFull, IntegrityError, ObjectChanged, TransferFailed
from sleap_rtc.storage.partial_file import allocated_bytes, remove_abandoned
from sleap_rtc.storage.process_tag import process_tag

if TYPE_CHECKING:
    from collections.abc import Callable

CUT = TransferFailed(what="The model", why="it was cut")
WRONG = IntegrityError(what="The model", expected="this", found="that")
CHANGED = ObjectChanged(what="The model", expected="this", found="that")


@pytest.fixture
def bench(tmp_path: Path) -> PartialBench:
    return PartialBench(tmp_path)


def log_of(data: Path) -> Path:
    return data.with_name(data.name + ".ranges")


def bring_2_and_fail(bench: PartialBench, error: BaseException) -> None:
    with bench.open() as partial:
        bench.bring(partial, 2)
        raise error


def test_a_download_leaves_the_target_and_nothing_else(bench: PartialBench) -> None:
    assert bench.finish() == [1, 2, 3, 4, 5]
    bench.assert_only_the_target()


def test_the_folder_is_made_and_the_target_appears_only_when_published(tmp_path: Path) -> None:
    bench = PartialBench(tmp_path / "a" / "b")
    with bench.open() as partial:
        bench.bring(partial, 1, 2, 3, 4, 5)
        assert not bench.target.exists()
        partial.publish()
    bench.assert_only_the_target()


def test_a_target_that_is_there_is_replaced(bench: PartialBench) -> None:
    bench.target.write_bytes(b"the earlier one")
    bench.finish()
    bench.assert_only_the_target()


def test_an_empty_object_has_a_partial_file_too(tmp_path: Path) -> None:
    bench = PartialBench(tmp_path, content=b"")
    with bench.open() as partial:
        partial.publish()
    bench.assert_only_the_target()


def test_the_file_takes_its_room_before_any_range_comes(bench: PartialBench) -> None:
    with bench.open() as partial:
        assert partial.path.stat().st_size == len(CONTENT)
        assert allocated_bytes(partial.path) >= len(CONTENT)


def test_the_next_run_goes_on_from_what_was_verified(bench: PartialBench) -> None:
    bench.abandon(1, 3)
    assert bench.finish() == [2, 4, 5]
    bench.assert_only_the_target()


def test_what_several_runs_brought_adds_up(bench: PartialBench) -> None:
    for number in (5, 1, 3):
        bench.abandon(number)
    assert bench.found() == [1, 3, 5]
    assert bench.finish() == [2, 4]


@pytest.mark.parametrize("error", [CUT, KeyboardInterrupt(), OSError(errno.EIO, "bad cable")], ids=repr)
def test_after_a_cut_the_partial_file_stays(bench: PartialBench, error: BaseException) -> None:
    with pytest.raises(type(error)):
        bring_2_and_fail(bench, error)
    assert bench.found() == [2]


@pytest.mark.parametrize("error", [WRONG, CHANGED, DiskFull(path=Path(), needed_bytes=1, free_bytes=0)])
def test_after_a_failure_for_good_nothing_is_left(bench: PartialBench, error: Exception) -> None:
    bench.abandon(1)
    with pytest.raises(type(error)):
        bring_2_and_fail(bench, error)
    bench.assert_nothing_left()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_meanwhile_is_told_and_nothing_is_left(bench: PartialBench, number: int) -> None:
    with pytest.raises(DiskFull, match="20 bytes are needed"):
        bring_2_and_fail(bench, OSError(number, "full"))
    bench.assert_nothing_left()


def test_an_object_that_the_disk_cannot_hold_is_refused_at_once(bench: PartialBench) -> None:
    with pytest.raises(DiskFull, match=f"{2**60:,} bytes are needed"), bench.open(size_bytes=2**60):
        pass
    bench.assert_nothing_left()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system has no such call")
def test_a_quota_is_met_before_the_transfer_and_not_in_its_middle(
    bench: PartialBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DiskFull), bench.open():
        raise AssertionError("it began")
    bench.assert_nothing_left()


def without_fallocate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate", raising=False)


def with_a_file_system_that_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)


@pytest.mark.parametrize("lacking", [without_fallocate, with_a_file_system_that_has_none])
def test_without_fallocate_the_file_is_pre_sized_all_the_same(
    bench: PartialBench, monkeypatch: pytest.MonkeyPatch, lacking: Callable[[pytest.MonkeyPatch], None]
) -> None:
    lacking(monkeypatch)
    assert bench.abandon(4).stat().st_size == len(CONTENT)
    assert bench.finish() == [1, 2, 3, 5]
    bench.assert_only_the_target()


def test_a_run_that_brought_nothing_leaves_nothing(bench: PartialBench) -> None:
    bench.abandon()
    bench.assert_nothing_left()


def test_a_byte_that_changed_costs_its_range_alone(bench: PartialBench) -> None:
    data = bench.abandon(1, 2, 3)
    flip_a_byte(data, PART_BYTES)
    assert bench.finish() == [2, 4, 5]
    bench.assert_only_the_target()


def test_a_file_that_was_cut_short_costs_the_ranges_behind_the_cut(bench: PartialBench) -> None:
    os.truncate(bench.abandon(1, 2, 3), 2 * PART_BYTES - 1)
    assert bench.finish() == [2, 3, 4, 5]
    bench.assert_only_the_target()


def test_a_list_that_claims_what_never_came_is_not_believed(bench: PartialBench) -> None:
    data = bench.abandon(1)
    with bench.open() as other:
        assert other.path != data
        other.record(2, PART_BYTES, 4711)
    assert bench.found() == [1]


@given(cut=st.integers(1, 200))
@settings(max_examples=40)
def test_a_torn_list_costs_at_most_the_line_being_written(cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = PartialBench(Path(folder))
        log = log_of(bench.abandon(1, 2, 3))
        whole = log.read_bytes()
        log.write_bytes(whole[:-cut])
        assert bench.found() == [1, 2, 3][: max(0, whole[:-cut].count(b"\n") - 1)]


def test_what_is_recorded_after_a_torn_line_is_found_too(bench: PartialBench) -> None:
    log = log_of(bench.abandon(1, 2))
    os.truncate(log, log.stat().st_size - 5)
    bench.abandon(3)
    assert bench.found() == [1, 3]


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"\x00" * 300, b"[1]\n", b'{"version":1}\n', b"\xff\xfe\n"], ids=repr
)
def test_a_list_that_a_power_cut_spoilt_means_a_new_start(bench: PartialBench, text: bytes) -> None:
    log_of(bench.abandon(1)).write_bytes(text)
    assert bench.finish() == [1, 2, 3, 4, 5]
    bench.assert_only_the_target()


@pytest.mark.parametrize("line", ['{"number":6,"length":4,"crc":0}', '{"number":1,"length":3,"crc":0}', "{}"])
def test_a_line_that_is_not_in_the_plan_is_ignored(bench: PartialBench, line: str) -> None:
    with log_of(bench.abandon(1)).open("a") as log:
        log.write(f"{line}\n")
    assert bench.found() == [1]


@pytest.mark.parametrize(
    "other",
    [{"etag": "v2"}, {"checksum": "crc64nvme:AAAAAAAAAAA="}, {"size_bytes": 21}, {"part_bytes": 5}],
    ids=repr,
)
def test_another_version_of_the_object_is_not_gone_on_from_but_removed(
    bench: PartialBench, other: dict[str, object]
) -> None:
    bench.abandon(1, **other)
    with bench.open() as partial:
        assert partial.verified == {}
        assert sorted(bench.folder.iterdir()) == [partial.path, log_of(partial.path)]


def test_of_several_that_were_abandoned_the_fullest_is_taken_and_the_others_go(bench: PartialBench) -> None:
    with bench.open() as small, bench.open() as large:
        bench.bring(small, 5)
        bench.bring(large, 1, 2)
    with bench.open() as partial:
        assert sorted(partial.verified) == [1, 2]
        assert sorted(bench.folder.iterdir()) == [partial.path, log_of(partial.path)]


def test_what_was_abandoned_before_the_target_was_completed_is_removed(bench: PartialBench) -> None:
    with bench.open() as slow:
        bench.bring(slow, 1)
        with bench.open() as fast:
            bench.bring(fast, 1, 2, 3, 4, 5)
            fast.publish()
        assert slow.path.exists()
    remove_abandoned(bench.target)
    bench.assert_only_the_target()


def test_the_files_of_a_process_that_lives_are_left_alone(bench: PartialBench) -> None:
    peer = Peer(bench, 1, 2)
    assert peer.found() == []
    assert bench.finish() == [1, 2, 3, 4, 5]
    remove_abandoned(bench.target)
    peer.finish()
    bench.assert_only_the_target()


def test_what_a_killed_process_brought_is_gone_on_from(bench: PartialBench) -> None:
    peer = Peer(bench, 2, 4)
    peer.found()
    peer.kill_9()
    assert bench.finish() == [1, 3, 5]
    bench.assert_only_the_target()


def test_of_processes_that_start_at_once_one_goes_on_and_the_others_start_anew(bench: PartialBench) -> None:
    killed = Peer(bench, 1, 2)
    killed.found()
    killed.kill_9()
    peers = [Peer(bench, 3) for _ in range(6)]
    assert sorted(peer.found() for peer in peers) == [[]] * 5 + [[1, 2]]
    for peer in peers:
        peer.finish()
    bench.assert_only_the_target()


def test_an_adopter_that_comes_second_at_the_rename_starts_anew(bench: PartialBench) -> None:
    data = bench.abandon(1, 2)
    first_has_it: list[Path] = []

    def adopt_first() -> None:
        """Be faster by taking the file once the second one has copied the list."""
        if not first_has_it and len(list(bench.folder.glob("*.ranges"))) == 2:
            first_has_it.append(data.rename(bench.folder / "adopted by the first"))

    with at_every_line(adopt_first), bench.open() as second:
        assert first_has_it
        assert second.verified == {}


@given(earlier=st.sets(st.integers(1, 5)), later=st.sets(st.integers(1, 5)), publishes=st.booleans())
@settings(max_examples=8)
def test_a_kill_at_any_line_costs_no_range_that_was_verified(
    earlier: set[int], later: set[int], publishes: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = PartialBench(Path(folder))
        verified: set[int] = set()
        crash_points: list[tuple[dict[str, bytes], set[int]]] = []

        def note() -> None:
            state = (bench.files(), set(verified))
            if state not in crash_points[-1:]:
                crash_points.append(state)

        with at_every_line(note):
            for numbers in (earlier, later):
                with bench.open() as partial:
                    for number in numbers:
                        bench.bring(partial, number)
                        verified.add(number)
                    if publishes and numbers is later:
                        bench.bring(partial, *bench.missing(partial))
                        partial.publish()
        for files, kept in crash_points:
            bench.restore(files)
            published = bench.target.name in files
            assert published or kept <= set(bench.found())
            bench.restore(files)
            bench.finish()
            bench.assert_only_the_target()


@pytest.mark.parametrize("name", ["a model, größer als 日本.zip", "ü" * 127, "m" * 255, "日" * 85])
def test_any_name_of_a_target_will_do(tmp_path: Path, name: str) -> None:
    bench = PartialBench(tmp_path, name)
    bench.abandon(1)
    assert bench.finish() == [2, 3, 4, 5]
    bench.assert_only_the_target()


def test_long_names_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    one, other = (PartialBench(tmp_path, "m" * 250 + end) for end in ("1.zip", "2.zip"))
    one.abandon(1)
    assert other.found() == []
    assert one.found() == [1]


def test_a_target_whose_name_begins_like_another_one_leaves_that_alone(tmp_path: Path) -> None:
    long, short = PartialBench(tmp_path, "model.zip"), PartialBench(tmp_path, "model")
    long.abandon(1)
    assert short.found() == []
    assert long.found() == [1]


def test_files_of_others_in_the_folder_are_left_alone(bench: PartialBench) -> None:
    with process_tag() as dead:
        names = {"model.zip.part", "model.zip.notes.part", f"model.zip.{dead}", f"model_zip.{dead}.part"}
    for name in names:
        (bench.folder / name).touch()
    bench.finish()
    assert {file.name for file in bench.folder.iterdir()} == {"model.zip", *names}


def test_a_partial_file_that_somebody_removed_is_told(bench: PartialBench) -> None:
    with bench.open() as partial:
        partial.path.unlink()
        with pytest.raises(TransferFailed, match="was removed by somebody else"):
            partial.publish()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no file that is open")
def test_ranges_are_recorded_though_the_list_was_removed(bench: PartialBench) -> None:
    with bench.open() as partial:
        log_of(partial.path).unlink()
        bench.bring(partial, 1, 2, 3, 4, 5)
        partial.publish()
    bench.assert_only_the_target()
