"""The metrics of the running product: what a story with mistakes shows on service, workers and commands."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import pytest
from support.exposition import Scrape, scrape
from support.product import Product, eventually
from support.push_gateway import PushGateway

from sleap_rtc.local.engine import free_port
from sleap_rtc.observability.instruments import INSTRUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sleap_rtc.local.child import Child
    from sleap_rtc.observability.instrument import Instrument

ALONE = "".join(
    (Path(__file__).parents[1] / "observability" / name).read_text("utf-8")
    for name in ("test_measured_faults.py", "test_metrics_push.py")
)
"""Tests in which a metric is told by the real engine alone, for what a story cannot be made to meet."""
WITH_A_FAULT = {
    *("sleap_rtc.transfer.retries", "sleap_rtc.transfer.outages", "sleap_rtc.transfer.hedges"),
    *("sleap_rtc.transfer.wasted", "sleap_rtc.integrity_failures", "sleap_rtc.limited_requests"),
    *("sleap_rtc.transfer.resumes", "sleap_rtc.transfer.resumed"),
    *("sleap_rtc.queue.retries", "sleap_rtc.queue.handovers", "sleap_rtc.queue.heartbeat_failures"),
    *("sleap_rtc.mended", "sleap_rtc.cache.evictions", "sleap_rtc.telemetry.lost"),
    # There is no GPU here: a twin of NVIDIA's library tells of three.
    *("sleap_rtc.gpu.utilization", "sleap_rtc.gpu.memory", "sleap_rtc.gpu.temperature"),
}
"""What needs a broken network, a crowd, a job of eleven hours, a full disk, or a GPU."""
LOOKS_WITHIN_S = 120.0
"""An instance looks at queues every half a minute, and the machine has other things to do."""
SHORT = ("--set", "trainer_config.max_epochs=2")
ENDLESS = ("--set", "trainer_config.max_epochs=1000000")


class Story:
    """The product with somebody who looks at its metrics."""

    def __init__(self, product: Product, gateway: PushGateway) -> None:
        self.product = product
        self.gateway = gateway
        self.room = product.new_room()
        self.of_workers: list[Scrape] = []
        self.bad_bytes = 0
        self.worker_port = 0

    def run(self, *arguments: str) -> None:
        """Run a command that pushes its metrics, however it ends."""
        self.product.run(*arguments, SLEAP_RTC_METRICS_PUSH_URL=self.gateway.url)

    def worker(self, name: str) -> Child:
        """Start a worker that can be scraped, and pushes as well."""
        self.worker_port = free_port()
        options = {
            "SLEAP_RTC_METRICS_PORT": str(self.worker_port),
            "SLEAP_RTC_METRICS_PUSH_URL": self.gateway.url,
            "SLEAP_RTC_CHECKPOINT_EVERY_S": "0",
        }
        return self.product.worker(self.room, name, **options)

    @property
    def of_service(self) -> Scrape:
        return scrape(f"{self.product.stack.service_url}/metrics")

    @property
    def of_worker(self) -> Scrape:
        return scrape(f"http://127.0.0.1:{self.worker_port}/metrics")

    @property
    def every_scrape(self) -> list[Scrape]:
        return [self.of_service, *self.of_workers, *map(Scrape, self.gateway.groups.values())]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, package: Path, small_package: Path) -> Iterator[Story]:
    """Tell the story: a job, one more with the same data, one that is commanded, a lost worker, mistakes."""
    product = Product(tmp_path_factory.mktemp("product"))
    with PushGateway().running() as gateway, product.stack:
        told = Story(product, gateway)
        room = told.room
        worker = told.worker("first")
        told.run("client-train", "-p", str(package), "-r", room, *SHORT)
        told.run("client-train", "-p", str(package), "-r", room, *SHORT, "--set", "trainer_config.seed=7")
        # A worker that is lost, and another one that goes on.
        told.run("client-train", "-p", str(small_package), "-r", room, *ENDLESS, "--detach")
        before = told.of_worker.value("sleap_rtc_training_checkpoints_total", what="sent")
        eventually(lambda: told.of_worker.value("sleap_rtc_training_checkpoints_total", what="sent") > before)
        told.of_workers.append(told.of_worker)
        worker.kill()
        second = told.worker("second")
        eventually(lambda: _resumed(told))
        (job,) = [job for job in product.service.jobs(room) if job.state == "training"]
        told.run("jobs", "pause", job.job_id, "-r", room)
        told.run("jobs", "resume", job.job_id, "-r", room)
        told.run("jobs", "stop", job.job_id, "-r", room)
        # Mistakes.
        bad = product.home / "bad.zip"
        told.bad_bytes = bad.write_bytes(b"no package" * 1000)
        told.run("client-train", "-p", str(bad), "-r", room)
        with suppress(HTTPError):
            urlopen(f"{product.stack.service_url}/api/rooms")
        for queue in ("sleap-rtc-upload-events", f"sleap-rtc-jobs-{room}"):
            _send(product, queue, "hello {")
        told.run("uploads", "put", str(small_package), "-r", product.new_room())
        eventually(lambda: told.of_service.value("sleap_rtc_dead_letters", queue="jobs") > 0, LOOKS_WITHIN_S)
        told.of_workers.append(told.of_worker)
        second.ask_to_end()
        second.wait()
        yield told


def _resumed(told: Story) -> bool:
    with suppress(OSError):
        return told.of_worker.value("sleap_rtc_training_checkpoints_total", what="resumed_from") > 0
    return False


def _send(product: Product, queue: str, body: str) -> None:
    sqs = boto3.client(
        "sqs",
        region_name="us-east-1",
        endpoint_url=product.stack.engine_url,
        aws_access_key_id="test",  # those of a test come later than this module's story
        aws_secret_access_key="test",
    )
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], MessageBody=body)


def test_every_metric_of_the_table_is_told(story: Story) -> None:
    told = {name for scraped in story.every_scrape for name in scraped.told}
    missing = {one.name for one in INSTRUMENTS} - told
    shown = {one.name for one in INSTRUMENTS if f'"{one.prometheus}' in ALONE or _short(one) in ALONE}
    assert missing - shown == set()
    assert missing & shown <= WITH_A_FAULT


def _short(one: Instrument) -> str:
    return f'"{one.prometheus.removeprefix("sleap_rtc_")}'


def test_nothing_is_told_that_the_table_does_not_have(story: Story) -> None:
    for scraped in story.every_scrape:
        assert scraped.outside_the_table() == []
        assert scraped.told


def test_no_id_stands_in_what_is_told(story: Story) -> None:
    jobs = story.product.service.jobs(story.room)
    ids = {story.room, "local-user", *(job.job_id for job in jobs), *(job.model_id or "" for job in jobs)}
    for scraped in story.every_scrape:
        assert not [each for each in ids if each and each in scraped.text]
        assert not re.search(r"[0-9A-HJKMNP-TV-Z]{26}", scraped.text)  # any ULID


def test_the_figures_are_those_of_the_story(story: Story, package: Path, small_package: Path) -> None:
    jobs = story.product.service.jobs(story.room)
    published = [job for job in jobs if job.state == "published"]
    service = story.of_service
    assert len(published) == 3
    assert service.value("sleap_rtc_job_steps_total", state="published") == len(published)
    models = story.product.service.manifest(story.room).models
    assert service.value("sleap_rtc_models_published_total") == len(models)
    uploads = sum(
        Scrape(text).value("sleap_rtc_transfer_size_bytes_total", direction="upload", path="internet")
        for path, text in story.gateway.groups.items()
        if path.endswith("/part/client")
    )
    # The same dataset is sent to a room once; the bad one is none, but it is sent.
    sent = package.stat().st_size + 2 * small_package.stat().st_size + story.bad_bytes
    assert uploads == sent
    assert service.value("sleap_rtc_uploads_total", state="completed") == 4
    first, last = story.of_workers
    assert first.value("sleap_rtc_cache_lookups_total", result="hit") == 1
    assert last.value("sleap_rtc_job_failures_total", code="package_refused") == 1
    assert last.value("sleap_rtc_live_commands_total", command="stop") == 1
    assert service.value("sleap_rtc_poison_messages_total", queue="upload-events", reason="not_json") == 1
    assert last.value("sleap_rtc_poison_messages_total", queue="jobs", reason="not_json") == 1
    assert service.value("sleap_rtc_refused_tokens_total") == 1
    assert service.value("sleap_rtc_workers", kind="desktop") >= 1


def test_every_group_at_the_gateway_is_one_process(story: Story) -> None:
    for path, text in story.gateway.groups.items():
        named = re.fullmatch(r"/metrics/job/sleap-rtc/instance/[0-9a-f]{12}/part/(client|worker)", path)
        assert named
        assert Scrape(text).value("sleap_rtc_build_info", part=named[1]) == 1


def test_a_worker_that_is_told_to_end_pushes_what_it_has(story: Story) -> None:
    of_workers = [text for path, text in story.gateway.groups.items() if path.endswith("/part/worker")]
    last = Scrape(of_workers[-1])
    name = "sleap_rtc_training_epochs_total"
    assert last.value(name) >= story.of_workers[-1].value(name) > 0


def test_a_gateway_that_does_not_answer_costs_a_command_a_sentence(story: Story, small_package: Path) -> None:
    with PushGateway().running() as stuck:
        stuck.held.clear()
        room = story.product.new_room()
        put = ("uploads", "put", str(small_package), "-r", room)
        said = story.product.run(*put, SLEAP_RTC_METRICS_PUSH_URL=stuck.url)
    assert said.status == 0
    assert said.sentence.startswith("sleap-rtc: The metrics of this process do not reach")
