"""The metrics of the running product: what a story with its mistakes shows on service, worker and command line."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import pytest
from support.exposition import Scrape, scrape
from support.product import Product, eventually
from support.push_gateway import PushGateway

from sleap_rtc.local.engine import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHORT = ("--set", "trainer_config.max_epochs=2")
ENDLESS = ("--set", "trainer_config.max_epochs=1000000")


class Story:
    """The product with somebody who looks at its metrics."""

    def __init__(self, product: Product, gateway: PushGateway) -> None:
        self.product = product
        self.gateway = gateway
        self.room = product.new_room()
        self.last_words: list[Scrape] = []
        self.worker_port = 0

    def run(self, *arguments: str) -> None:
        """Run a command that pushes its metrics, however it ends."""
        self.product.run(*arguments, SLEAP_RTC_METRICS_PUSH_URL=self.gateway.url)

    def worker(self, name: str) -> object:
        """Start a worker that can be scraped."""
        self.worker_port = free_port()
        port = {"SLEAP_RTC_METRICS_PORT": str(self.worker_port), "SLEAP_RTC_CHECKPOINT_EVERY_S": "0"}
        return self.product.worker(self.room, name, **port)

    @property
    def of_service(self) -> Scrape:
        return scrape(f"{self.product.stack.service_url}/metrics")

    @property
    def of_worker(self) -> Scrape:
        return scrape(f"http://127.0.0.1:{self.worker_port}/metrics")

    @property
    def of_client(self) -> Scrape:
        return Scrape("\n".join(self.gateway.groups.values()))


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
        told.last_words.append(told.of_worker)
        worker.kill()  # type: ignore[attr-defined]
        second = told.worker("second")
        eventually(lambda: _resumed(told))
        (job,) = [job for job in product.service.jobs(room) if job.state == "training"]
        told.run("jobs", "pause", job.job_id, "-r", room)
        told.run("jobs", "resume", job.job_id, "-r", room)
        told.run("jobs", "stop", job.job_id, "-r", room)
        # Mistakes.
        bad = product.home / "bad.zip"
        bad.write_bytes(b"no package" * 1000)
        told.run("client-train", "-p", str(bad), "-r", room)
        with suppress(HTTPError):
            urlopen(f"{product.stack.service_url}/api/rooms")
        for queue in ("sleap-rtc-upload-events", f"sleap-rtc-jobs-{room}"):
            _send(product, queue, "hello {")
        told.run("uploads", "put", str(small_package), "-r", product.new_room())
        eventually(lambda: told.of_service.value("sleap_rtc_dead_letters", queue="jobs") > 0)
        told.last_words.append(told.of_worker)
        yield told
        second.stop()  # type: ignore[attr-defined]


def _resumed(told: Story) -> bool:
    with suppress(OSError):
        return told.of_worker.value("sleap_rtc_training_checkpoints_total", what="resumed_from") > 0
    return False


def _send(product: Product, queue: str, body: str) -> None:
    own = {
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }  # a test's come later than a module's
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=product.stack.engine_url, **own)
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], MessageBody=body)


def test_show(story: Story) -> None:
    from sleap_rtc.observability.instruments import INSTRUMENTS

    worker = set().union(*(one.told for one in story.last_words))
    client = set().union(*(Scrape(text).told for text in story.gateway.groups.values()))
    service = story.of_service.told
    for one in INSTRUMENTS:
        who = [n for n, s in (("client", client), ("worker", worker), ("service", service)) if one.name in s]
        print(one.name, sorted(one.parts), who, "" if who else "MISSING")
    for s in [*story.last_words, story.of_service, *map(Scrape, story.gateway.groups.values())]:
        print(s.outside_the_table())
