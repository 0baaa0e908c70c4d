"""A job's transfer as people watch it and command it; what came before a pause is not sent again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from support.fault_proxy import FaultProxy
from support.transfer_bench import DownloadBench

from sleap_rtc.events.job_commands import CancelTransfer, Pause, Resume, Sample, Stop, TellTransfer
from sleap_rtc.events.job_progress import JobEvent, TransferMoved
from sleap_rtc.storage.bandwidth import BandwidthLimit, Throttle
from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.download_engine import RemoteObject, download
from sleap_rtc.storage.part_plan import PREFERRED_PART_BYTES
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.stop_signal import StopSignal
from sleap_rtc.storage.transfer_hold import TransferCancelled
from sleap_rtc.worker.transfer_stage import TransferStage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from sleap_rtc.storage.progress import TransferProgress

SIZE = 4 * PREFERRED_PART_BYTES
COMMAND = "01KAZ3CJ9C0000000000000001"
LONG_S = 60


@dataclass
class Watched:
    """A download of a dataset that waits behind its first range until it is let go on."""

    bench: DownloadBench
    told: list[JobEvent] = field(default_factory=list)
    first_range: threading.Event = field(default_factory=threading.Event)
    may_go_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.stage = TransferStage("download", "labels.zip", SIZE, StopSignal(), self.told.append)

    def begin(self) -> Future[None]:
        pool = ThreadPoolExecutor(1)
        return pool.submit(self.stage.hold.carry, "labels.zip", self._go_on)

    def _go_on(self, stop: StopSignal) -> None:
        content = self.bench.content
        checksum = to_text(crc64nvme(content))
        source = RemoteObject("labels.zip", SIZE, self.bench.etag, checksum, self.bench.signed_url)
        throttle = Throttle(BandwidthLimit(SIZE), sleep=self._wait)
        download(source, self.bench.target, threads=1, throttle=throttle, on_progress=self._moved, stop=stop)

    def _wait(self, _: float) -> None:
        if self.first_range.is_set():
            assert self.may_go_on.wait(LONG_S)

    def _moved(self, progress: TransferProgress) -> None:
        self.stage.moved(progress)
        if progress.done_bytes:
            self.first_range.set()

    def say(self, command: Pause | Resume | CancelTransfer | TellTransfer) -> str:
        answer = self.stage.obey(command, COMMAND, "ada")
        assert answer.outcome == "done"
        return answer.text

    @property
    def states(self) -> list[str]:
        moved = [event.state for event in self.told if isinstance(event, TransferMoved)]
        return [state for at, state in enumerate(moved) if at == 0 or moved[at - 1] != state]


@pytest.fixture(scope="module")
def _proxy(engine_url: str) -> Iterator[FaultProxy]:
    with FaultProxy(engine_url) as proxy:
        yield proxy


@pytest.fixture
def at(_proxy: FaultProxy, bucket: str, tmp_path: Path) -> Watched:
    _proxy.forget()
    bench = DownloadBench(_proxy, s3_client("us-east-1", _proxy.url), bucket, tmp_path / "here")
    bench.store(SIZE)
    return Watched(bench)


def test_a_pause_cuts_the_download_and_what_was_verified_is_not_fetched_again(at: Watched) -> None:
    result = at.begin()
    assert at.first_range.wait(LONG_S)
    assert at.say(Pause()) == "the download of the dataset is held; what has arrived stays"
    assert "it is held" in at.say(TellTransfer())
    assert at.say(Pause()) == "the download of the dataset was held already"
    at.may_go_on.set()
    assert at.say(Resume()) == "the download of the dataset goes on from where it was"
    result.result(LONG_S)
    at.stage.done()
    assert at.bench.target.read_bytes() == at.bench.content
    assert at.bench.proxy.count("GET .*bytes=0-") == 1
    assert at.states == ["running", "paused", "running", "done"]


def test_a_cancelled_download_ends_and_says_who_did_it(at: Watched) -> None:
    result = at.begin()
    assert at.first_range.wait(LONG_S)
    assert "the job ends with it" in at.say(CancelTransfer())
    at.may_go_on.set()
    with pytest.raises(TransferCancelled, match="by ada"):
        result.result(LONG_S)
    assert not at.bench.target.exists()


def test_how_far_it_is_is_told_in_words_and_numbers(at: Watched) -> None:
    at.may_go_on.set()
    at.begin().result(LONG_S)
    answer = at.stage.obey(TellTransfer(), COMMAND, "ada")
    assert answer.text.startswith(f"download of the dataset: {SIZE:,} of {SIZE:,} bytes, ")
    assert answer.values == {"done_bytes": SIZE, "total_bytes": SIZE}


@pytest.mark.parametrize("command", [Stop(), Sample()])
def test_what_needs_a_training_is_refused(at: Watched, command: Stop | Sample) -> None:
    answer = at.stage.obey(command, COMMAND, "ada")
    assert answer.outcome == "refused"
    assert "needs a training" in answer.text
