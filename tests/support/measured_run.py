"""A day in a lab in two minutes, with what goes wrong in one, while Prometheus looks on.

What each step did is kept, to hold the figures of the dashboards against.
"""

from __future__ import annotations

import json
import random
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from dashboards.answers import Prometheus, Span
from sleap_rtc.events.jobs import JobState
from sleap_rtc.local.engine import LOOPBACK, free_port
from support.product import Product, eventually, kill_9
from support.rules import FOLDER
from support.running import Running
from support.scraped import prometheus, pushgateway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sleap_rtc.local.child import Child

FAST = ("--set", "trainer_config.max_epochs=2")
ENDLESS = ("--set", "trainer_config.max_epochs=1000000")
ROOMS = "sleap-rtc-rooms"
WORKERS = 3
RATE_S = 15
LONG_S = 240.0
PART = 8 * 1024 * 1024


@dataclass
class Did:
    """What the run did.

    Attributes:
        uploaded_bytes: that the client sent, all of it acknowledged.
        resumed_bytes: that it did not have to send again.
        pulled_bytes: models that it fetched.
        published: jobs that ended with a model.
        poison: messages that nobody should have sent.
        lost_notices: of models, which the sweep made up for.
        refused_jobs: with a configuration that no trainer takes.
        lost_workers: killed while they had a job.
        refused_tokens: requests with a token that is no good.
    """

    uploaded_bytes: int = 0
    resumed_bytes: int = 0
    pulled_bytes: int = 0
    published: int = 0
    poison: int = 0
    lost_notices: int = 0
    refused_jobs: int = 0
    lost_workers: int = 0
    refused_tokens: int = 0
    span: Span = field(default_factory=lambda: Span(0, 0, 1, RATE_S))


class MeasuredRun:
    """The product under the eyes of a Prometheus."""

    def __init__(self, folder: Path, package: Path, small_package: Path) -> None:
        self._folder = folder
        self._package = package
        self._small = small_package
        self._ports = [free_port() for _ in range(WORKERS)]
        self._gpus = install_gpus(folder / "gpus")
        self.did = Did()

    def go(self) -> Iterator[tuple[Prometheus, Did]]:
        """Run it all; yield whom to ask, and what was done."""
        with ExitStack() as opened:
            gateway = opened.enter_context(pushgateway(self._folder / "pushgateway"))
            self._push = {"SLEAP_RTC_METRICS_PUSH_URL": gateway}
            (self._folder / "product").mkdir()
            self.product = Product(self._folder / "product")
            opened.enter_context(self.product.stack)
            targets = {
                "sleap-rtc-service": [self.product.stack.service_url.removeprefix("http://")],
                "sleap-rtc-worker": [f"{LOOPBACK}:{port}" for port in self._ports],
                "pushgateway": [gateway.removeprefix("http://")],
            }
            begun = time.time()
            asked = opened.enter_context(prometheus(self._folder / "prometheus", targets))
            room = self.product.new_room()
            opened.enter_context(Running(self.product, "rooms", "watch", "-r", room, "--json"))
            self._train_twice(room)
            self._resume_an_upload(room)
            self._knock_with_a_bad_token()
            self._poison()
            self._lose_a_worker()
            self._lose_a_notice()
            self._ask_for_nonsense()
            # Every figure is there before anybody asks: two scrapes, and the second sweep from now.
            eventually(
                lambda: asked.value("sum(max by (queue) (sleap_rtc_dead_letters))") == self.did.poison, LONG_S
            )
            settled = asked.value("sum(sleap_rtc_sweeps_total)") + 2
            eventually(lambda: asked.value("sum(sleap_rtc_sweeps_total)") >= settled, LONG_S)
            self.did.span = Span(begun, time.time(), 1, RATE_S)
            yield asked, self.did

    def _worker(self, room: str, number: int) -> Child:
        """Start a worker that is scraped, with GPUs."""
        found = {"SLEAP_RTC_METRICS_PORT": str(self._ports[number]), "PYTHONPATH": str(self._gpus)}
        return self.product.worker(room, f"worker-{number}", **found)

    @staticmethod
    def _cloud(service: str, url: str) -> Any:
        client: Any = boto3.client  # its overloads know no name that is not yet known
        secret = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return client(service, region_name="us-east-1", endpoint_url=url, **secret)

    def _wait(self, room: str, *states: JobState) -> None:
        """Wait for the room's only job, however busy the machine is."""
        service = self.product.service
        eventually(lambda: any(job.state in states for job in service.jobs(room)), LONG_S)

    def _send(self, room: str, *options: str) -> None:
        self.product.run(
            "client-train", "-p", str(self._small), "-r", room, *options, "--detach", **self._push
        )

    def _train_twice(self, room: str) -> None:
        """The second time, the room has the dataset and the worker's cache as well."""
        self._worker(room, 0)
        for _ in range(2):
            told = self.product.run(
                "client-train", "-p", str(self._package), "-r", room, *FAST, "--json", **self._push
            )
            lines = told.json_lines()
            uploaded = next((line for line in lines if line["kind"] == "uploaded"), None)
            if uploaded is not None and not uploaded["already_present"]:
                self.did.uploaded_bytes += uploaded["size_bytes"]
            self.did.pulled_bytes += lines[-1]["size_bytes"]
            self.did.published += 1

    def _resume_an_upload(self, room: str) -> None:
        big = self._folder / "big file.bin"
        big.write_bytes(random.Random(0).randbytes(5 * PART))
        state = big.with_name(big.name + ".sleap-upload-state")
        first = self.product.start("uploads", "put", str(big), "-r", room, "--limit", "8MB")
        eventually(lambda: state.exists() and len(state.read_text().splitlines()) > 2)
        kill_9(first)
        sent = self.product.run("uploads", "put", str(big), "-r", room, "--json", **self._push).json_lines()[
            -1
        ]
        self.did.resumed_bytes += sent["resumed_bytes"]
        self.did.uploaded_bytes += 5 * PART - sent["resumed_bytes"]

    def _knock_with_a_bad_token(self) -> None:
        assert self.product.run("rooms", "ls", SLEAP_RTC_TOKEN="nonsense").status != 0
        self.did.refused_tokens += 1

    def _poison(self) -> None:
        sqs = self._cloud("sqs", self.product.stack.engine_url)
        for queue in ("sleap-rtc-upload-events", "sleap-rtc-model-events"):
            sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], MessageBody="hello {")
            self.did.poison += 1

    def _lose_a_worker(self) -> None:
        """Ask a job this and that over a live session, then kill its worker; another one takes it over."""
        room = self.product.new_room()
        first = self._worker(room, 1)
        self._send(room, *ENDLESS)
        self.did.uploaded_bytes += self._small.stat().st_size
        self._wait(room, JobState.TRAINING)
        job = self.product.job(room)["job_id"]
        with Running(self.product, "jobs", "attach", job, "-r", room, "--json", **self._push) as attached:
            attached.says('"kind"')
            for command in ("pause", "resume"):
                self.product.run("jobs", command, job, "-r", room)
            time.sleep(6)  # a heartbeat or two of the live session
        first.kill()
        self.did.lost_workers += 1
        self._last_room = room
        self._worker(room, 2)
        service = self.product.service
        again = {JobState.TRAINING, JobState.UPLOADING, JobState.PUBLISHED}
        eventually(lambda: any(job.attempt == 2 and job.state in again for job in service.jobs(room)), LONG_S)
        self.product.run("jobs", "stop", job, "-r", room)
        self._wait(room, JobState.PUBLISHED)
        self.did.published += 1

    def _lose_a_notice(self) -> None:
        """Take S3's notices of models away while a model comes; the sweep finds it."""
        s3 = self._cloud("s3", self.product.stack.s3_url)
        told = s3.get_bucket_notification_configuration(Bucket=ROOMS)
        told.pop("ResponseMetadata")
        s3.put_bucket_notification_configuration(Bucket=ROOMS, NotificationConfiguration={})
        room = self.product.new_room()
        self.product.stack.worker(room, name="nobody-scrapes")
        self._send(room, *FAST)
        self.did.uploaded_bytes += self._small.stat().st_size
        self._wait(room, JobState.PUBLISHED)
        self.did.lost_notices += 1
        self.did.published += 1
        s3.put_bucket_notification_configuration(Bucket=ROOMS, NotificationConfiguration=told)

    def _ask_for_nonsense(self) -> None:
        for _ in range(3):
            self._send(self._last_room, "--set", "trainer_config.max_epochs=none")
            self.did.refused_jobs += 1
        service = self.product.service
        eventually(
            lambda: (
                [job.state for job in service.jobs(self._last_room)].count(JobState.FAILED)
                == self.did.refused_jobs
            )
        )


def install_gpus(folder: Path) -> Path:
    """Put NVIDIA's library of a machine with GPUs into a folder to import from."""
    folder.mkdir()
    tests = Path(__file__).parents[1]
    (folder / "pynvml.py").write_text(
        f"import sys\nsys.path.append({str(tests)!r})\nfrom support.gpus import Driver\n"
        "def nvmlInit(): pass\ndef nvmlShutdown(): pass\n"
        "def __getattr__(name): return getattr(Driver(), name)\n"
    )
    return folder


def board(uid: str) -> dict[str, Any]:
    """Return a dashboard as it is committed."""
    path = FOLDER / "grafana" / "dashboards" / f"{uid}.json"
    return dict(json.loads(path.read_text("utf-8")))
