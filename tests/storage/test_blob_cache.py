"""The blob cache: one good copy whatever its processes and its file system do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from support.cache_bench import (
    LACKS,
    RANGE_BYTES,
    ROOMY,
    CacheBench,
    Peer,
    blob_of,
    content,
    fetch_ranges,
    never,
)

from sleap_rtc.storage.cache_folder import CacheFolder
from sleap_rtc.storage.errors import DiskFull, IntegrityError, TransferFailed

if TYPE_CHECKING:
    from pathlib import Path

BLOB_BYTES = len(content("mice"))
RANGES = BLOB_BYTES // RANGE_BYTES
dev_full = pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is a full disk on Linux only")


@pytest.fixture
def bench(tmp_path: Path) -> CacheBench:
    return CacheBench(tmp_path / "cache")


def test_the_second_use_fetches_nothing(bench: CacheBench) -> None:
    assert bench.use("mice") == bench.use("mice") == content("mice")
    assert bench.fetched == ["mice"]
    bench.assert_holds("mice")


def test_another_cache_on_the_same_folder_finds_it(bench: CacheBench) -> None:
    bench.has("mice")
    with CacheBench(bench.folder).cache.use(blob_of(content("mice")), never) as path:
        assert path.read_bytes() == content("mice")


def test_a_fetch_that_fails_leaves_nothing(bench: CacheBench) -> None:
    def fetch(path: Path) -> None:
        path.write_bytes(b"half")
        raise TransferFailed(what="It", why="it was cut")

    with pytest.raises(TransferFailed), bench.cache.use(blob_of(content("mice")), fetch):
        pass
    bench.assert_holds()


def test_a_fetch_that_leaves_too_little_is_not_believed(bench: CacheBench) -> None:
    def fetch(path: Path) -> None:
        path.write_bytes(b"half")

    with pytest.raises(IntegrityError, match="1,048,576"), bench.cache.use(blob_of(content("mice")), fetch):
        pass
    bench.assert_holds()


def test_a_blob_that_was_cut_short_is_fetched_again(bench: CacheBench) -> None:
    bench.has("mice")
    bench.path("mice").write_bytes(b"half")
    assert bench.use("mice") == content("mice")
    assert bench.fetched == ["mice"]


@pytest.mark.parametrize("lacking", LACKS)
def test_eight_processes_that_want_one_blob_make_one_good_copy(bench: CacheBench, lacking: str) -> None:
    peers = [Peer(bench.folder, "mice", lacking) for _ in range(8)]
    for peer in peers:
        peer.never_wait()
    said = [peer.end() for peer in peers]
    assert all(words[-1] == "using" for words in said)
    if lacking == "nothing":
        assert sum("half" in words for words in said) == 1
    bench.assert_holds("mice")


@pytest.mark.parametrize("lacking", ["locks, silently", "hard links"])
def test_eight_processes_in_mid_fetch_at_once_make_one_good_copy(bench: CacheBench, lacking: str) -> None:
    peers = [Peer(bench.folder, "mice", lacking) for _ in range(8)]
    assert [peer.says() for peer in peers] == ["half"] * 8
    killed, *others = peers
    killed.kill_9()
    for peer in others:
        peer.go_on()
        assert peer.says() == "using"
    for peer in others:
        peer.end()
    bench.use("mice")
    assert bench.fetched == []
    bench.assert_holds("mice")


def test_a_process_killed_in_mid_fetch_leaves_no_blob_and_its_leftovers_are_swept(bench: CacheBench) -> None:
    peer = Peer(bench.folder, "mice")
    assert peer.says() == "half"
    peer.kill_9()
    assert bench.cache.entries() == ()
    assert [file.stat().st_size for file in (bench.folder / "fetching").glob("*/data")] == [BLOB_BYTES // 2]
    bench.cache.prune()
    bench.assert_holds()


def killed_at_half(bench: CacheBench, name: str = "mice", lacking: str = "nothing") -> None:
    peer = Peer(bench.folder, name, lacking, how="by ranges")
    assert peer.says() == "half"
    peer.kill_9()


def ranges_fetched(bench: CacheBench, name: str = "mice") -> list[int]:
    """Use a blob and return how many ranges that took; nothing if it was here."""
    fetched: list[int] = []

    def fetch(path: Path) -> None:
        fetched.append(fetch_ranges(path, content(name)))

    with bench.cache.use(blob_of(content(name)), fetch) as path:
        assert path.read_bytes() == content(name)
    return fetched


def test_what_a_killed_process_fetched_is_not_fetched_again(bench: CacheBench) -> None:
    killed_at_half(bench)
    assert ranges_fetched(bench) == [RANGES // 2]
    bench.assert_holds("mice")


def test_what_a_cut_connection_let_through_is_not_fetched_again(bench: CacheBench) -> None:
    def cut() -> None:
        raise TransferFailed(what="It", why="it was cut")

    def fetch(path: Path) -> None:
        fetch_ranges(path, content("mice"), cut)

    with pytest.raises(TransferFailed), bench.cache.use(blob_of(content("mice")), fetch):
        pass
    assert bench.cache.entries() == ()
    assert ranges_fetched(bench) == [RANGES // 2]
    bench.assert_holds("mice")


def test_a_file_that_was_whole_when_its_process_was_killed_is_not_fetched_again(bench: CacheBench) -> None:
    killed_at_half(bench)
    (folder,) = (bench.folder / "fetching").iterdir()
    (folder / "data").write_bytes(content("mice"))
    bench.use("mice")
    assert bench.fetched == []
    bench.assert_holds("mice")


@pytest.mark.parametrize("lacking", LACKS)
def test_of_eight_processes_that_come_after_a_killed_one_one_goes_on(bench: CacheBench, lacking: str) -> None:
    killed_at_half(bench, lacking=lacking)
    peers = [Peer(bench.folder, "mice", lacking, how="by ranges") for _ in range(8)]
    for peer in peers:
        peer.never_wait()
    said = [peer.end() for peer in peers]
    fetched = [int(words[words.index("fetched") + 1]) for words in said if "fetched" in words]
    assert fetched.count(RANGES // 2) == 1
    assert (len(fetched) == 1) or lacking != "nothing"
    bench.use("mice")
    assert bench.fetched == []
    bench.assert_holds("mice")


def test_one_of_eight_killed_at_half_leaves_the_others_alone(bench: CacheBench) -> None:
    peers = [Peer(bench.folder, "mice", "locks, silently", how="by ranges") for _ in range(8)]
    assert [peer.says() for peer in peers] == ["half"] * 8
    killed, *others = peers
    killed.kill_9()
    bench.cache.prune(0)
    for peer in others:
        peer.go_on()
        assert [peer.says(), peer.says()] == [f"fetched {RANGES}", "using"]
    for peer in others:
        peer.end()
    bench.cache.prune()
    bench.assert_holds("mice")


def test_an_abandoned_fetch_waits_while_another_blob_is_fetched(bench: CacheBench) -> None:
    killed_at_half(bench, "mice")
    bench.use("flies")
    assert ranges_fetched(bench, "mice") == [RANGES // 2]
    bench.assert_holds("flies", "mice")


def test_an_abandoned_fetch_goes_before_any_blob_when_room_is_needed(bench: CacheBench) -> None:
    bench.has("worms")
    killed_at_half(bench, "mice")
    CacheBench(bench.folder, free_floor_bytes=ROOMY).use("flies")
    bench.assert_holds("worms")


def test_an_abandoned_fetch_of_a_blob_that_is_here_goes(bench: CacheBench) -> None:
    slow = Peer(bench.folder, "mice", "locks, silently", how="by ranges")
    assert slow.says() == "half"
    peer = Peer(bench.folder, "mice", "locks, silently")
    peer.never_wait()
    peer.end()
    slow.kill_9()
    bench.use("mice")
    bench.assert_holds("mice")


def test_an_abandoned_fetch_goes_after_a_week(bench: CacheBench) -> None:
    killed_at_half(bench, "mice")
    eight_days_ago = time.time() - 8 * 24 * 3600
    for file in (bench.folder / "fetching").rglob("*"):
        os.utime(file, (eight_days_ago, eight_days_ago))
    bench.use("flies")
    bench.assert_holds("flies")


def test_the_fetch_of_a_process_that_lives_is_not_swept(bench: CacheBench) -> None:
    peer = Peer(bench.folder, "mice", how="by ranges")
    assert peer.says() == "half"
    bench.cache.prune(0)
    peer.go_on()
    assert [peer.says(), peer.says()] == [f"fetched {RANGES}", "using"]
    peer.end()
    bench.assert_holds("mice")


@pytest.mark.parametrize("lacking", ["nothing", "hard links"])
def test_what_another_process_uses_is_not_pruned(bench: CacheBench, lacking: str) -> None:
    bench.has("mice", "flies")
    peer = Peer(bench.folder, "mice", lacking)
    assert peer.says() == "using"
    pruned = bench.cache.prune(0)
    assert [entry.blob for entry in pruned.entries] == [blob_of(content("flies"))]
    assert "1,048,576 are in use" in pruned.why_not
    peer.end()
    bench.assert_holds("mice")


def test_what_a_killed_process_used_is_pruned(bench: CacheBench) -> None:
    bench.has("mice")
    peer = Peer(bench.folder, "mice")
    assert peer.says() == "using"
    peer.kill_9()
    bench.cache.prune(0)
    bench.assert_holds()


def test_bytes_in_use_outlive_an_eviction_that_crossed_the_pin(bench: CacheBench) -> None:
    bench.has("mice")
    with bench.cache.use(blob_of(content("mice")), never) as path:
        assert CacheFolder(bench.folder).discard(blob_of(content("mice")))
        assert path.read_bytes() == content("mice")
    bench.assert_holds()


def test_what_was_pinned_since_the_decision_is_not_evicted(bench: CacheBench) -> None:
    bench.has("mice")
    with bench.cache.use(blob_of(content("mice")), never):
        assert not CacheFolder(bench.folder).evict(blob_of(content("mice")))
    bench.assert_holds("mice")


def test_an_eviction_that_meets_a_pin_puts_the_blob_back(bench: CacheBench) -> None:
    bench.has("mice")
    with bench.cache.use(blob_of(content("mice")), never):
        assert not CacheFolder(bench.folder).discard(blob_of(content("mice")), unless_pinned=True)
    bench.assert_holds("mice")


def test_what_was_evicted_but_not_deleted_is_deleted_later(bench: CacheBench) -> None:
    bench.has("mice")
    bench.path("mice").rename(bench.folder / ".trash" / "mice")
    bench.cache.prune()
    bench.assert_holds()


def test_a_new_blob_takes_the_place_of_the_least_recently_used(tmp_path: Path) -> None:
    bench = CacheBench(tmp_path, budget_bytes=2 * BLOB_BYTES)
    bench.has("mice", last_used=1)
    bench.has("flies", last_used=2)
    bench.use("mice")
    bench.use("worms")
    bench.assert_holds("mice", "worms")


def test_without_a_time_of_use_the_time_of_the_fetch_counts(bench: CacheBench) -> None:
    bench.has("mice")
    (bench.folder / "used" / bench.path("mice").name).unlink()
    bench.has("flies", last_used=1)
    bench.assert_holds("flies", "mice")


@pytest.mark.parametrize(
    ("budget_bytes", "free_floor_bytes"),
    [(BLOB_BYTES - 1, 0), (0, 0), (ROOMY, ROOMY)],
    ids=["budget", "no budget", "floor"],
)
def test_a_blob_beyond_the_limits_is_used_all_the_same_and_dropped(
    bench: CacheBench, budget_bytes: int, free_floor_bytes: int
) -> None:
    bench.has("mice")
    narrow = CacheBench(bench.folder, budget_bytes, free_floor_bytes)
    assert narrow.use("flies") == content("flies")
    assert narrow.fetched == ["flies"]
    narrow.assert_holds("mice")


def test_verify_removes_what_is_corrupt_and_nothing_else(bench: CacheBench) -> None:
    bench.has("mice", "flies")
    with bench.path("mice").open("r+b") as file:
        file.seek(BLOB_BYTES // 2)
        file.write(b"X")
    found = bench.cache.verify()
    assert found.corrupt == (blob_of(content("mice")),)
    assert found.whole == (blob_of(content("flies")),)
    bench.assert_holds("flies")


def test_a_folder_that_was_never_used_is_empty(bench: CacheBench) -> None:
    assert bench.cache.entries() == ()
    assert bench.cache.verify().whole == ()
    assert not bench.folder.exists()


@dev_full
def test_a_full_disk_that_says_it_is_not_makes_others_leave(bench: CacheBench) -> None:
    """A quota looks like this: the disk has room, and a write fails with ENOSPC."""
    bench.has("flies", last_used=1)
    bench.has("mice", last_used=2)

    def fetch(path: Path) -> None:
        path.write_bytes(content("worms"))
        if bench.path("flies").exists():
            fill_a_device()

    with bench.cache.use(blob_of(content("worms")), fetch) as path:
        assert path.read_bytes() == content("worms")
    bench.assert_holds("mice", "worms")


@dev_full
def test_a_disk_that_stays_full_is_said_to_be_full(bench: CacheBench) -> None:
    bench.has("mice")
    tries = []

    def fetch(path: Path) -> None:
        tries.append(path)
        fill_a_device()

    with pytest.raises(DiskFull), bench.cache.use(blob_of(content("worms")), fetch):
        pass
    assert len(tries) == 2
    bench.assert_holds()


def fill_a_device() -> None:
    with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123
        full.write(b"x")


# Five megabytes are the whole disk. What others write to it is written between the decision and the fetch.
FULL_DISK = """
import subprocess, sys
from contextlib import ExitStack
from pathlib import Path
from support.cache_bench import CacheBench, blob_of, content, never
from sleap_rtc.storage.errors import DiskFull
disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", disk], check=True)
bench = CacheBench(disk / "cache")
bench.has("flies", last_used=1)
bench.has("mice", last_used=2)
tries = []
worms = content("worms") * 2
def fetch(path):
    if not tries:
        (disk / "other").write_bytes(bytes(int(sys.argv[2]) * 1024))
    tries.append(path)
    path.write_bytes(worms)
with ExitStack() as uses:
    for name in sys.argv[3].split():
        uses.enter_context(bench.cache.use(blob_of(content(name)), never))
    try:
        with bench.cache.use(blob_of(worms), fetch) as path:
            assert path.read_bytes() == worms
    except DiskFull as error:
        print("full", error.needed_bytes, end=" ")
bench.assert_tidy()
print(len(tries), *(entry.blob.size_bytes >> 20 for entry in bench.cache.entries()))
"""


def on_a_small_disk(folder: Path, others_kib: int, in_use: str) -> str:
    command = ["unshare", "--map-root-user", "--mount", sys.executable, "-c", FULL_DISK]
    path = ":".join(sys.path)
    done = subprocess.run(
        [*command, str(folder), str(others_kib), in_use],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": path, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def mounts_are_allowed() -> bool:
    try:
        command = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


small_disk = pytest.mark.skipif(not mounts_are_allowed(), reason="no user namespace that may mount a tmpfs")


@small_disk
@pytest.mark.parametrize(("others_kib", "stays"), [(1536, "2 1 2"), (2560, "2 2")], ids=["one", "both"])
def test_on_a_disk_that_fills_up_in_mid_fetch_the_least_recently_used_leaves(
    tmp_path: Path, others_kib: int, stays: str
) -> None:
    assert on_a_small_disk(tmp_path, others_kib, in_use="") == stays


@small_disk
def test_a_disk_that_no_eviction_can_help_is_told_and_nothing_leaves(tmp_path: Path) -> None:
    assert on_a_small_disk(tmp_path, 3072, in_use="mice") == "full 2097152 1 1 1"
