"""Models from peers: two real WebRTC peers, a real S3 server behind them, and what goes wrong in between."""

from __future__ import annotations

import os
import random
import signal
import threading
from typing import TYPE_CHECKING

import pytest
from support.fault_proxy import FaultProxy
from support.live_lab import LiveLab
from support.peers import BEST, Folder
from support.product import kill_9
from support.transfer_bench import DownloadBench

from sleap_rtc.client.peer_or_store import BytesBySource, bring
from sleap_rtc.live.file_requests import What
from sleap_rtc.live.patience import Patience
from sleap_rtc.live.peer_file import READ_BYTES
from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.download_engine import RemoteObject
from sleap_rtc.storage.errors import IntegrityError
from sleap_rtc.storage.part_plan import MIB
from sleap_rtc.storage.s3_client import s3_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sleap_rtc.client.peer_models import PeerModels
    from sleap_rtc.storage.progress import TransferProgress

# Every byte goes through two engines here, so files are as small as files of several ranges can be. One range
# takes two reads.
RANGE = READ_BYTES + READ_BYTES // 4
READS = 2
SMALL = 300_000
TWO_RANGES = RANGE + SMALL
SHORT = Patience(least_bytes=1, within_s=5)


class Bench(DownloadBench):
    """One file of a model in the store, and a folder with the same file for workers to read out."""

    shelf: Path

    def store(self, size_bytes: int) -> None:
        """Put the file into the store and on the shelf."""
        super().store(size_bytes)
        self.shelf = self.target.parent.parent / "shelf"
        self.shelf.mkdir(exist_ok=True)
        (self.shelf / BEST.file).write_bytes(self.content)

    @property
    def source(self) -> RemoteObject:
        """What is to be downloaded."""
        checksum = to_text(crc64nvme(self.content))
        return RemoteObject("best.ckpt", len(self.content), self.etag, checksum, self.signed_url, RANGE)

    def bring(self, peers: PeerModels | None) -> BytesBySource:
        """Bring the file, and fail unless it is whole and nothing lies beside it."""
        found = bring(self.source, BEST, self.target, peers, self.progress.append)
        assert self.target.read_bytes() == self.content
        assert list(self.target.parent.iterdir()) == [self.target]
        return found


@pytest.fixture(scope="module")
def lab() -> Iterator[LiveLab]:
    with LiveLab() as lab:
        yield lab


@pytest.fixture(scope="module")
def _proxy(engine_url: str) -> Iterator[FaultProxy]:
    with FaultProxy(engine_url) as proxy:
        yield proxy


@pytest.fixture
def bench(_proxy: FaultProxy, bucket: str, tmp_path: Path) -> Bench:
    _proxy.forget()
    (tmp_path / "models").mkdir()
    return Bench(_proxy, s3_client("us-east-1", _proxy.url), bucket, tmp_path / "models")


def worker_name() -> str:
    return f"worker-{random.randrange(10**9)}"


@pytest.mark.parametrize("size", [1, TWO_RANGES])
def test_a_file_comes_from_a_peer_and_the_store_is_not_asked(bench: Bench, lab: LiveLab, size: int) -> None:
    bench.store(size)
    name = worker_name()
    lab.host(name, Folder(bench.shelf))
    with lab.peers(name) as peers:
        assert bench.bring(peers) == BytesBySource(peer=size)
    assert bench.signatures == 0
    assert bench.progress[-1].done_bytes == bench.progress[-1].total_bytes == size
    assert bench.progress[-1].resumed_bytes == 0


def test_without_peers_it_comes_from_the_store(bench: Bench) -> None:
    bench.store(SMALL)
    assert bench.bring(None) == BytesBySource(s3=SMALL)


def test_several_files_come_over_one_session(bench: Bench, lab: LiveLab) -> None:
    bench.store(SMALL)
    name = worker_name()
    host = lab.host(name, Folder(bench.shelf))
    with lab.peers(name) as peers:
        for number in range(3):
            bench.target = bench.target.parent / f"{number}" / "best.ckpt"
            bench.bring(peers)
    assert len(host.sessions) == 1


def test_a_connection_that_is_cut_after_a_range_is_made_again_for_the_others(
    bench: Bench, lab: LiveLab
) -> None:
    bench.store(2 * RANGE)
    name = worker_name()
    # What is cut off in the sender's queue is less than a MiB.
    host = lab.host(name, Folder(bench.shelf), cut_after_bytes=[RANGE + MIB])
    # On a busy machine the farewell may be lost; then the heartbeat tells, and not the patience.
    with lab.peers(name, patience=Patience(least_bytes=1, within_s=120)) as peers:
        assert bench.bring(peers) == BytesBySource(peer=2 * RANGE), peers.troubles
    assert [sender.sent_bytes for sender in host.senders] == [pytest.approx(RANGE + MIB, abs=MIB // 4), RANGE]


@pytest.mark.parametrize("at", [1, MIB])
def test_a_connection_that_is_cut_before_a_range_is_whole_is_not_worth_another_one(
    bench: Bench, lab: LiveLab, at: int
) -> None:
    bench.store(TWO_RANGES)
    name = worker_name()
    host = lab.host(name, Folder(bench.shelf), cut_after_bytes=[at])
    with lab.peers(name) as peers:
        assert bench.bring(peers) == BytesBySource(s3=TWO_RANGES)
    assert len(host.sessions) == 1


def test_the_store_goes_on_with_what_a_peer_left_in_mid_file(bench: Bench, lab: LiveLab) -> None:
    bench.store(TWO_RANGES)
    name = worker_name()
    lab.host(name, Gone(bench.shelf, after_reads=READS))
    with lab.peers(name) as peers:
        assert bench.bring(peers) == BytesBySource(peer=RANGE, s3=SMALL)
    assert bench.proxy.count("GET .*bytes=0-") == 0
    assert bench.proxy.count(f"GET .*bytes={RANGE}-") == 1
    assert "no such file" in peers.troubles[0]


class Gone(Folder):
    """A file that somebody removes after so many reads; one is for the checksums."""

    def __init__(self, path: Path, after_reads: int) -> None:
        super().__init__(path)
        self._left = after_reads + 1

    def find(self, what: What) -> Path:
        self._left -= 1
        return super().find(what if self._left >= 0 else What(model_id="00000000", file=what.file))


def test_what_an_earlier_run_brought_is_not_fetched_from_anybody(bench: Bench, lab: LiveLab) -> None:
    bench.store(TWO_RANGES)
    name = worker_name()
    lab.host(name, Gone(bench.shelf, after_reads=READS))
    with lab.peers(name) as peers:
        assert peers.fetch(bench.source, BEST, bench.target).peer == RANGE
    whole = worker_name()
    lab.host(whole, Folder(bench.shelf))
    with lab.peers(whole) as peers:
        assert bench.bring(peers) == BytesBySource(peer=SMALL)
    assert bench.progress[-1].resumed_bytes == RANGE


def test_a_peer_with_other_bytes_is_asked_for_none_of_them_and_not_again(bench: Bench, lab: LiveLab) -> None:
    bench.store(SMALL)
    flip(bench.shelf / BEST.file, SMALL // 2)
    wrong = worker_name()
    host = lab.host(wrong, Folder(bench.shelf))
    with lab.peers(wrong) as peers:
        assert bench.bring(peers) == BytesBySource(s3=SMALL)
        bench.target = bench.target.parent / "again" / "best.ckpt"
        assert bench.bring(peers) == BytesBySource(s3=SMALL)
    assert "is not the published one" in peers.troubles[0]
    assert len(host.sessions) == 1
    assert host.senders[0].sent_bytes == 0


def test_a_byte_that_changes_on_the_peers_disk_meanwhile_is_found_and_the_next_peer_is_asked(
    bench: Bench, lab: LiveLab
) -> None:
    bench.store(TWO_RANGES)
    spoilt = bench.shelf.parent / "spoilt"
    spoilt.mkdir()
    (spoilt / BEST.file).write_bytes(bench.content)
    wrong, right = worker_name(), worker_name()
    lab.host(wrong, Spoiling(spoilt, RANGE + 5))
    lab.host(right, Folder(bench.shelf))
    with lab.peers(wrong, right) as peers:
        assert bench.bring(peers) == BytesBySource(peer=TWO_RANGES)
    assert peers.troubles == [
        f"The peer {wrong} sent something wrong: a range does not have the checksum that it said."
    ]


class Spoiling(Folder):
    """A file one of whose bytes changes once its checksums are told."""

    def __init__(self, path: Path, at: int) -> None:
        super().__init__(path)
        self._at = at

    def find(self, what: What) -> Path:
        if len(self.asked) == 1:
            flip(self.path / what.file, self._at)
        return super().find(what)


def flip(path: Path, at: int) -> None:
    """Change one bit of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def test_a_peer_that_stalls_is_left_for_the_store(bench: Bench, lab: LiveLab) -> None:
    bench.store(TWO_RANGES)
    name, stalled = worker_name(), Stalling(bench.shelf, after_reads=READS)
    lab.host(name, stalled)
    with lab.peers(name, patience=SHORT) as peers:
        assert bench.bring(peers) == BytesBySource(peer=RANGE, s3=SMALL)
    stalled.go_on.set()
    assert "too little to wait for" in peers.troubles[0]


class Stalling(Folder):
    """A disk that does not answer after so many reads; one is for the checksums."""

    def __init__(self, path: Path, after_reads: int) -> None:
        super().__init__(path)
        self._after = after_reads + 1
        self.go_on = threading.Event()

    def find(self, what: What) -> Path:
        if len(self.asked) >= self._after:
            self.go_on.wait(30)
        return super().find(what)


def test_a_worker_killed_in_mid_file_leaves_the_rest_to_the_store(bench: Bench, lab: LiveLab) -> None:
    bench.store(3 * RANGE)
    process = lab.process(bench.shelf)

    def kill_after_the_first_range(progress: TransferProgress) -> None:
        if progress.done_bytes and process.returncode is None:
            kill_9(process)

    with lab.peers("the process", patience=SHORT) as peers:
        found = bring(bench.source, BEST, bench.target, peers, kill_after_the_first_range)
    assert bench.target.read_bytes() == bench.content
    assert found.peer >= RANGE
    assert found.s3 >= RANGE
    assert found.peer + found.s3 == 3 * RANGE


def test_a_worker_of_another_room_is_not_asked(bench: Bench, lab: LiveLab) -> None:
    bench.store(SMALL)
    name = worker_name()
    host = lab.host(name, Folder(bench.shelf), room_id="elsewhere")
    with lab.peers(name) as peers:
        assert bench.bring(peers) == BytesBySource(s3=SMALL)
    assert host.sessions == []
    assert "not in the room" in peers.troubles[0]


def test_a_worker_that_has_gone_is_not_waited_for(bench: Bench, lab: LiveLab) -> None:
    bench.store(SMALL)
    there = worker_name()
    lab.host(there, Folder(bench.shelf))
    with lab.peers("worker-gone", there) as peers:
        assert bench.bring(peers) == BytesBySource(peer=SMALL)


def test_signaling_that_is_away_is_waited_for_once_and_costs_nothing_but_the_peers(
    bench: Bench, lab: LiveLab
) -> None:
    bench.store(SMALL)
    with lab.peers("worker", "another", url="ws://127.0.0.1:9/ws") as peers:
        for name in ("best.ckpt", "config.yaml"):
            bench.target = bench.target.parent / name / name
            assert bench.bring(peers) == BytesBySource(s3=SMALL)
    assert len(peers.troubles) == 1
    assert "127.0.0.1:9" in peers.troubles[0]


def test_what_the_store_holds_is_verified_as_ever(bench: Bench, lab: LiveLab) -> None:
    bench.store(SMALL)
    source = RemoteObject("best.ckpt", SMALL, bench.etag, to_text(1), bench.signed_url)
    with lab.peers("worker-gone") as peers, pytest.raises(IntegrityError):
        bring(source, BEST, bench.target, peers)
    bench.assert_nothing_left()


@pytest.fixture
def _ctrl_c_is_heard() -> Iterator[None]:
    # Who starts the tests in the background has them ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c_is_heard")
def test_an_interrupt_ends_the_transfer_before_the_file_is_left(bench: Bench, lab: LiveLab) -> None:
    bench.store(TWO_RANGES)
    name = worker_name()
    lab.host(name, Folder(bench.shelf))
    with lab.peers(name) as peers:
        with pytest.raises(KeyboardInterrupt):
            peers.fetch(bench.source, BEST, bench.target, interrupt_after_a_range)
        assert bench.bring(peers).peer == SMALL


def interrupt_after_a_range(progress: TransferProgress) -> None:
    """Do as Ctrl-C does; the main thread is the one that hears of it."""
    if progress.done_bytes:
        os.kill(os.getpid(), signal.SIGINT)
