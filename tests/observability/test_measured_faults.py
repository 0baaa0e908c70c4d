"""What goes wrong is measured where it happens: by the real engines, with a network or a store that fails."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import pytest
from prometheus_client import generate_latest
from support.cache_bench import CacheBench, content
from support.exposition import Scrape
from support.fault_proxy import Corrupt, FaultProxy, Reset, s3_error
from support.gpus import USED_BYTES, Driver
from support.jobs import HOUR, House
from support.loop import in_virtual_time
from support.queues import DOWN, FaultyQueue
from support.transfer_bench import DownloadBench, UploadBench

from sleap_rtc.events.consumer import Consumer
from sleap_rtc.events.outcome import Done, Outcome
from sleap_rtc.events.worker_facts import MachineLoaded
from sleap_rtc.observability.measuring import Measuring
from sleap_rtc.service.errors import TooManyRequests
from sleap_rtc.service.rate_limits import RateLimits
from sleap_rtc.storage.errors import IntegrityError, TransferFailed
from sleap_rtc.storage.part_commands import Signed
from sleap_rtc.storage.part_crew import PartCrew
from sleap_rtc.storage.part_machine import PartMachine
from sleap_rtc.storage.part_plan import SMALLEST_PART_BYTES, PartPlan
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.stop_signal import StopSignal
from sleap_rtc.storage.telling import tell
from sleap_rtc.storage.traffic import Traffic
from sleap_rtc.storage.upload_session import SentPart
from sleap_rtc.worker.machine_watch import measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sleap_rtc.events.queue import Message
    from sleap_rtc.observability.prometheus_meter import Part
    from sleap_rtc.storage.lane import Lane
    from sleap_rtc.storage.part_commands import MovePart, SignParts

TOLD = Traffic(hook=tell)
PART = SMALLEST_PART_BYTES


class Ear:
    """Measures as a process of one part does, and says what it has."""

    def __init__(self, part: Part) -> None:
        self.measuring = Measuring(part)

    def value(self, name: str, **labels: str) -> float:
        return Scrape(generate_latest(self.measuring.registry).decode()).value(f"sleap_rtc_{name}", **labels)


@pytest.fixture
def worker() -> Iterator[Ear]:
    ear = Ear("worker")
    with ear.measuring:
        yield ear


@pytest.fixture
def service() -> Iterator[Ear]:
    ear = Ear("service")
    with ear.measuring:
        yield ear


@pytest.fixture
def proxy(engine_url: str) -> Iterator[FaultProxy]:
    with FaultProxy(engine_url) as proxy:
        yield proxy


@pytest.fixture
def upload(proxy: FaultProxy, tmp_path: Path) -> UploadBench:
    client, name = s3_client("us-east-1", proxy.url, tell), f"b-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    return UploadBench(proxy, client, name, tmp_path / "data.zip")


@pytest.fixture
def download(proxy: FaultProxy, tmp_path: Path) -> DownloadBench:
    client, name = s3_client("us-east-1", proxy.url, tell), f"b-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    return DownloadBench(proxy, client, name, tmp_path)


def test_an_upload_tells_its_bytes_its_end_and_what_it_met_with(worker: Ear, upload: UploadBench) -> None:
    upload.open(3 * PART)
    upload.proxy.script("PUT .*partNumber=1", Reset())
    upload.proxy.script("PUT .*partNumber=2", s3_error(400, "BadDigest"), s3_error(503, "SlowDown"))
    upload.proxy.script("PUT .*partNumber=3", s3_error(500, "InternalError"))
    upload.assert_sends(traffic=TOLD)
    way = {"direction": "upload", "path": "internet", "content": "dataset"}
    assert worker.value("transfer_size_bytes_total", **way) == 3 * PART
    assert worker.value("transfers_total", **way, outcome="done") == 1
    assert worker.value("transfer_duration_seconds_count", **way) == 1
    assert worker.value("transfer_goodput_bytes_per_second_count", direction="upload") == 1
    reasons = {"connection": 1, "checksum": 1, "throttled": 1, "server": 1, "timeout": 0, "refused": 0}
    found = {r: worker.value("transfer_retries_total", direction="upload", reason=r) for r in reasons}
    assert found == reasons
    assert worker.value("transfer_outages_total", direction="upload") == 1
    assert worker.value("s3_requests_total", operation="UploadPart", outcome="throttled") == 1
    assert worker.value("s3_requests_total", operation="UploadPart", outcome="ok") == 3


def test_an_upload_that_is_cut_and_taken_up_again_is_two_transfers(worker: Ear, upload: UploadBench) -> None:
    upload.open(3 * PART)
    stop = StopSignal()

    def first_part(part: SentPart) -> None:
        upload.recorded.append(part)
        stop.set()

    with pytest.raises(TransferFailed):
        upload.send(traffic=TOLD, stop=stop, threads=1, on_part=first_part)
    had = sum(part.length for part in upload.recorded)
    upload.assert_sends(traffic=TOLD)
    assert worker.value("transfers_total", outcome="cancelled") == 1
    assert worker.value("transfers_total", outcome="done") == 1
    assert worker.value("transfer_resumes_total", direction="upload") == 1
    assert worker.value("transfer_resumed_bytes_total", direction="upload") == had
    assert worker.value("transfer_size_bytes_total") == 3 * PART


def test_a_download_of_other_bytes_is_an_integrity_failure(worker: Ear, download: DownloadBench) -> None:
    download.store(2 * PART)
    download.proxy.script("GET .*data", Corrupt(), times=20)
    with pytest.raises(IntegrityError):
        download.fetch(traffic=TOLD)
    assert worker.value("integrity_failures_total", where="download") == 1
    assert worker.value("transfers_total", direction="download", outcome="failed") == 1
    assert worker.value("transfer_duration_seconds_count") == 0


class _Stuck:
    """Moves parts at once but the last, whose first try waits for its second."""

    direction: Final = "upload"

    def __init__(self, last: int) -> None:
        self._last = last
        self._tried = threading.Event()
        self._over = threading.Event()

    def sign(self, command: SignParts) -> Mapping[int, Signed]:
        return {part.number: Signed("") for part in command.parts}

    def move(self, lane: Lane, command: MovePart) -> SentPart:
        del lane
        number = command.part.number
        if number == self._last and not self._tried.is_set():
            self._tried.set()
            self._over.wait(60)
        elif number == self._last:
            self._over.set()
            time.sleep(0.1)
        return SentPart(number, command.part.length, 0, "etag")

    def keep(self, part: SentPart, done_bytes: int) -> None:
        pass

    def stand_still(self, done_bytes: int, why: str) -> None:
        pass

    def still_whole(self) -> None:
        pass


def test_late_parts_that_are_tried_twice_are_told_with_what_came_of_it(worker: Ear) -> None:
    machine = PartMachine[SentPart](PartPlan(8 * PART, PART), most=4, race=True, now=time.monotonic())
    PartCrew("it", machine, _Stuck(8), 4).run()
    both = machine.tally.second_tries_won, machine.tally.second_tries - machine.tally.second_tries_won
    assert sum(both) == 1
    assert worker.value("transfer_hedges_total", won="yes") == both[0]
    assert worker.value("transfer_hedges_total", won="no") == both[1]
    assert worker.value("transfer_wasted_bytes_total") == machine.tally.wasted_bytes > 0


def test_the_cache_tells_looks_size_and_evictions(worker: Ear, tmp_path: Path) -> None:
    size = len(content("a"))
    bench = CacheBench(tmp_path, budget_bytes=size)
    bench.use("a")
    bench.use("a")
    bench.use("b")
    assert worker.value("cache_lookups_total", result="miss") == 2
    assert worker.value("cache_lookups_total", result="hit") == 1
    assert worker.value("cache_evictions_total") == 1
    assert worker.value("cache_size_bytes") == size
    bench.path("b").write_bytes(b"rotten")
    bench.cache.verify()
    assert worker.value("integrity_failures_total", where="cache") == 1


def test_what_a_driver_tells_of_its_gpus_is_told_on(worker: Ear) -> None:
    tell(MachineLoaded(measured(Driver())))
    assert worker.value("gpu_utilization_ratio", gpu="0") == pytest.approx(0.97)
    assert worker.value("gpu_memory_bytes", gpu="1") == USED_BYTES
    assert worker.value("gpu_temperature_celsius") == 65
    assert 0 <= worker.value("host_cpu_ratio") <= 1


def test_requests_over_a_limit_are_counted_by_whose_it_is(service: Ear) -> None:
    limits = RateLimits("", {"user": 1, "room": 1})
    for kind in ("user", "user", "user", "room"):
        with suppress(TooManyRequests):
            limits.spend(kind, "ada")
    assert service.value("limited_requests_total", limit="user") == 2
    assert service.value("limited_requests_total", limit="room") == 0


def test_a_sweep_tells_what_it_mended_and_the_jobs_it_saw(service: Ear) -> None:
    house = House()
    record = house.completed_upload()
    house.swept(HOUR)
    assert service.value("mended_total", what="dispatched") == 1
    assert service.value("job_steps_total", state="queued") == 1
    house.claimed(house.job(record))
    house.swept(2 * HOUR)
    assert service.value("mended_total", what="lost_worker") == 1
    assert service.value("job_steps_total", state="lost") == 1
    house.swept(4 * HOUR)
    assert service.value("jobs", state="requeued") == 1
    assert service.value("jobs", state="queued") == 0
    assert service.value("oldest_waiting_job_seconds") > 3000


def test_a_step_is_counted_once_however_often_it_is_reported(service: Ear) -> None:
    house = House()
    job = house.claimed(house.queued())
    house.claimed(job)  # the same claim again, its reply was lost
    assert service.value("job_steps_total", state="claimed") == 1
    assert service.value("wake_latency_seconds_count") == 1
    assert service.value("job_step_duration_seconds_count", state="queued") == 1


def test_a_model_that_is_announced_twice_is_published_once(service: Ear) -> None:
    house = House()
    record = house.finished()
    house.announced(record)
    house.announced(record)
    assert service.value("models_published_total") == 1
    assert service.value("manifest_writes_total", result="won") == 1
    assert service.value("manifest_attempts_sum") == 1
    assert service.value("job_steps_total", state="published") == 1


@in_virtual_time
async def test_a_consumer_tells_heartbeats_handovers_and_retries() -> None:
    """A message is worked at for half a day, the eleventh heartbeat is lost, and then the handler fails."""
    ear, stop = Ear("worker"), asyncio.Event()
    queue = FaultyQueue("jobs", extend=[*[None] * 10, DOWN])

    async def handle(message: Message) -> Outcome:
        if message.attempts:
            return Done()
        if not stop.is_set():
            stop.set()
            await asyncio.sleep(12 * 3600)
        raise RuntimeError("nobody thought of it")

    consumer = Consumer(
        queue, handle, role="jobs", visibility_s=120, now=queue.now, on_event=ear.measuring.queue
    )
    await queue.send("it")
    await consumer.run(stop)
    assert ear.value("queue_heartbeat_failures_total", queue="jobs") == 1
    assert ear.value("queue_handovers_total", queue="jobs") == 1
    assert ear.value("queue_retries_total", queue="jobs", trouble="unexpected") == 1
