"""A day in a lab in two minutes, with what goes wrong in one, while Prometheus looks on.

What each step did is kept, and every request to the cloud passes a proxy that notes it: the figures of the
dashboards are held against that.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from dashboards.answers import Prometheus, Span
from sleap_rtc.events.api import RequestUpload
from sleap_rtc.events.jobs import JobState
from sleap_rtc.events.workers import present
from sleap_rtc.local.engine import LOOPBACK, free_port, start_engine
from sleap_rtc.local.stack import External
from sleap_rtc.service.worker_presences import worker_presences
from sleap_rtc.storage.s3_store import S3ObjectStore
from support.fault_proxy import Corrupt, FaultProxy, Reset, s3_error
from support.product import Product, eventually, kill_9
from support.rules import FOLDER
from support.running import Running
from support.s3_operations import operation_of
from support.scraped import prometheus, pushgateway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sleap_rtc.events.api import JobView
    from sleap_rtc.events.workers import WorkerView
    from sleap_rtc.local.child import Child
    from support.product import Said

FAST = ("--set", "trainer_config.max_epochs=2")
ENDLESS = ("--set", "trainer_config.max_epochs=1000000")
ROOMS = "sleap-rtc-rooms"
UPLOADS = "sleap-rtc-uploads"
WORKERS = 4
RATE_S = 15
LONG_S = 240.0
LEASE_S = 10
"""Long enough that a machine with other things to do takes no job from a worker that lives."""
PART = 8 * 1024 * 1024
NOWHERE = "http://127.0.0.1:9"
MODEL_FILES = r"GET .*/models/.*X-Amz-Signature"


@dataclass
class Did:
    """What the run did.

    Attributes:
        commands: that ended by themselves, so that they told what they had.
        uploaded_bytes: of datasets that clients sent, all of it acknowledged.
        resumed_bytes: that a client did not have to send again.
        pulled_bytes: models that clients fetched.
        fetched_bytes: datasets that workers fetched.
        uploads: datasets, by what became of them.
        retries: parts of uploads that were tried again, by why.
        published: jobs that ended with a model.
        poison: messages that nobody should have sent.
        lost_notices: of models, which the sweep made up for.
        refused_jobs: with a configuration that no trainer takes.
        lost_workers: killed while they had a job.
        refused_tokens: requests with a token that is no good.
        refused_uploads: over somebody's quota.
        damaged_pulls: models of which other bytes came.
        damaged_bytes: the most of it that came before that was seen; S3 is paid for it.
        unheard: commands whose collector was away.
        heard: events that a listener of one room had.
        asked: requests to S3 by their names.
        untold: those of a client that was killed.
        jobs: of all rooms, at the end.
        present: workers that say that they are there, at the end.
        stored: bytes in each bucket, at the end.
        workers: addresses of those that were scraped, in the order in which they came.
        long_trained: which of them trained for some seconds; a machine is looked at now and then.
        cached_bytes: in the workers' cache.
        span: when all that was.
    """

    commands: int = 0
    uploaded_bytes: int = 0
    resumed_bytes: int = 0
    pulled_bytes: int = 0
    fetched_bytes: int = 0
    uploads: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    published: int = 0
    poison: int = 0
    lost_notices: int = 0
    refused_jobs: int = 0
    lost_workers: int = 0
    refused_tokens: int = 0
    refused_uploads: int = 0
    damaged_pulls: int = 0
    damaged_bytes: int = 0
    unheard: int = 0
    heard: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    untold: Counter[str] = field(default_factory=Counter)
    jobs: tuple[JobView, ...] = ()
    present: tuple[WorkerView, ...] = ()
    stored: dict[str, int] = field(default_factory=dict)
    workers: tuple[str, ...] = ()
    long_trained: tuple[int, ...] = (1, 2)
    cached_bytes: int = 0
    span: Span = field(default_factory=lambda: Span(0, 0, 1, RATE_S))


class MeasuredRun:
    """The product under the eyes of a Prometheus."""

    def __init__(self, folder: Path, package: Path, small_package: Path) -> None:
        self._folder = folder
        self._package = package
        self._small = small_package
        self._ports = [free_port() for _ in range(WORKERS)]
        self._second_port = free_port()
        self._gpus = install_gpus(folder / "gpus")
        self._rooms: list[str] = []
        self.did = Did(workers=tuple(f"{LOOPBACK}:{port}" for port in self._ports))

    def go(self) -> Iterator[tuple[Prometheus, Did]]:
        """Run it all; yield whom to ask, and what was done."""
        with ExitStack() as opened:
            gateway = opened.enter_context(pushgateway(self._folder / "pushgateway"))
            self._push = {"SLEAP_RTC_METRICS_PUSH_URL": gateway}
            engine, engine_url = start_engine(self._folder / "engine", self._folder / "engine.log")
            opened.callback(engine.stop)
            self.proxy = opened.enter_context(FaultProxy(engine_url))
            (self._folder / "product").mkdir()
            external = External(self.proxy.url)
            self.product = Product(self._folder / "product", external, job_lease_s=LEASE_S)
            opened.enter_context(self.product.stack)
            services = [
                self.product.stack.service_url.removeprefix("http://"),
                f"{LOOPBACK}:{self._second_port}",
            ]
            targets = {
                "sleap-rtc-service": services,
                "sleap-rtc-worker": self.did.workers,
                "pushgateway": [gateway.removeprefix("http://")],
            }
            begun = time.time()
            asked = opened.enter_context(prometheus(self._folder / "prometheus", targets))
            room = self._room()
            watch = opened.enter_context(Running(self.product, "rooms", "watch", "-r", room, "--json"))
            self._train_twice(room)
            self._resume_an_upload(room)
            self._send_over_a_bad_network(room)
            self._knock_with_a_bad_token()
            self._poison()
            self._lose_a_worker()
            self._lose_a_notice()
            self._pull_what_was_damaged()
            self._ask_for_nonsense()
            self._ask_for_too_much(room)
            self._look_around(asked, watch)
            self.did.span = Span(begun, time.time(), 1, RATE_S)
            yield asked, self.did

    def _room(self) -> str:
        self._rooms.append(self.product.new_room())
        return self._rooms[-1]

    def _worker(self, room: str, number: int) -> Child:
        """Start a worker that is scraped, with GPUs."""
        found = {"SLEAP_RTC_METRICS_PORT": str(self._ports[number]), "PYTHONPATH": str(self._gpus)}
        return self.product.worker(room, f"worker-{number}", **found)

    def _run(self, *arguments: str, **environment: str) -> Said:
        """Run a command that pushes its metrics at its end."""
        self.did.commands += 1
        return self.product.run(*arguments, **self._push, **environment)

    @staticmethod
    def _cloud(service: str, url: str) -> Any:
        client: Any = boto3.client  # its overloads know no name that is not yet known
        secret = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return client(service, region_name="us-east-1", endpoint_url=url, **secret)

    def _bucket(self, name: str) -> S3ObjectStore:
        return S3ObjectStore(self._cloud("s3", self.product.stack.s3_url), name)

    def _wait(self, room: str, *states: JobState) -> None:
        """Wait for the room's only job, however busy the machine is."""
        service = self.product.service
        eventually(lambda: any(job.state in states for job in service.jobs(room)), LONG_S)

    def _uploaded(self, size_bytes: int, *, already: int = 0) -> None:
        self.did.uploaded_bytes += size_bytes - already
        self.did.resumed_bytes += already
        self.did.uploads["completed"] += 1

    def _send(self, room: str, *options: str, **environment: str) -> None:
        train = ("client-train", "-p", str(self._small), "-r", room)
        sent = self._run(*train, *options, "--detach", **environment)
        assert sent.status == 0, sent.err

    def _train_twice(self, room: str) -> None:
        """The second time, the room has the dataset and the worker's cache as well."""
        self._worker(room, 0)
        for _ in range(2):
            lines = self._run(
                "client-train", "-p", str(self._package), "-r", room, *FAST, "--json"
            ).json_lines()
            uploaded = next((line for line in lines if line["kind"] == "uploaded"), None)
            if uploaded is not None and not uploaded["already_present"]:
                self.did.uploads["opened"] += 1
                self._uploaded(uploaded["size_bytes"])
            self.did.pulled_bytes += lines[-1]["size_bytes"]
            self.did.published += 1
        self.did.fetched_bytes += self._package.stat().st_size

    def _resume_an_upload(self, room: str) -> None:
        big = self._file("big file.bin", 5 * PART)
        state = big.with_name(big.name + ".sleap-upload-state")
        before = Counter(self.proxy.lines)
        first = self.product.start("uploads", "put", str(big), "-r", room, "--limit", "8MB")
        eventually(lambda: state.exists() and len(state.read_text().splitlines()) > 2)
        kill_9(first)
        self.did.uploads["opened"] += 1
        sent = self._run("uploads", "put", str(big), "-r", room, "--json").json_lines()[-1]
        self._uploaded(sent["size_bytes"], already=sent["resumed_bytes"])
        parts = Counter(filter(re.compile("PUT .*partNumber=").match, self.proxy.lines)) - before
        own = (sent["size_bytes"] - sent["resumed_bytes"]) // PART
        self.did.untold["UploadPart"] += parts.total() - own

    def _send_over_a_bad_network(self, room: str) -> None:
        """Parts are cut, altered and throttled; another upload is given up."""
        tried = self._file("café data.bin", 3 * PART)
        self.proxy.script("PUT .*partNumber=1", Reset(PART // 2))
        self.proxy.script("PUT .*partNumber=2", Corrupt())
        self.proxy.script("PUT .*partNumber=3", s3_error(503, "SlowDown"))
        self.did.retries.update(("connection", "checksum", "throttled"))
        sent = self._run("uploads", "put", str(tried), "-r", room)
        assert sent.status == 0, sent.err
        self.did.uploads["opened"] += 1
        self._uploaded(3 * PART)
        service = self.product.service
        given_up = service.request_upload(
            RequestUpload(room_id=room, file_name="never.zip", size_bytes=PART, part_size_bytes=PART)
        )
        assert self._run("uploads", "abort", given_up.upload_id).status == 0
        self.did.uploads.update(("opened", "aborted"))

    def _file(self, name: str, size_bytes: int) -> Path:
        path = self._folder / name
        path.write_bytes(random.Random(name).randbytes(size_bytes))
        return path

    def _knock_with_a_bad_token(self) -> None:
        assert self._run("rooms", "ls", SLEAP_RTC_TOKEN="nonsense").status != 0
        self.did.refused_tokens += 1

    def _poison(self) -> None:
        sqs = self._cloud("sqs", self.product.stack.engine_url)
        for queue in ("sleap-rtc-upload-events", "sleap-rtc-model-events"):
            sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], MessageBody="hello {")
            self.did.poison += 1

    def _begin(self, room: str, *options: str, **environment: str) -> None:
        """Send a job with the small dataset to a room that has it not."""
        self._send(room, *options, **environment)
        self.did.uploads["opened"] += 1
        self._uploaded(self._small.stat().st_size)

    def _lose_a_worker(self) -> None:
        """Ask a job this and that over a live session, then kill its worker; another one takes it over."""
        room = self._room()
        first = self._worker(room, 1)
        self._begin(room, *ENDLESS)
        self.did.fetched_bytes += self._small.stat().st_size
        self._wait(room, JobState.TRAINING)
        job = self.product.job(room)["job_id"]
        with Running(self.product, "jobs", "attach", job, "-r", room, "--json") as attached:
            attached.says('"kind"')
            for command in ("pause", "resume"):
                self._run("jobs", command, job, "-r", room)
            time.sleep(6)  # a heartbeat or two of the live session
        first.kill()
        self.did.lost_workers += 1
        self._worker(room, 2)
        service = self.product.service
        again = {JobState.TRAINING, JobState.UPLOADING, JobState.PUBLISHED}
        eventually(lambda: any(job.attempt > 1 and job.state in again for job in service.jobs(room)), LONG_S)
        self._run("jobs", "stop", job, "-r", room)
        self._wait(room, JobState.PUBLISHED)
        self.did.published += 1

    def _lose_a_notice(self) -> None:
        """Take the notices of models away while a model comes, which the sweep finds; a collector is away."""
        s3 = self._cloud("s3", self.product.stack.s3_url)
        told = s3.get_bucket_notification_configuration(Bucket=ROOMS)
        told.pop("ResponseMetadata")
        s3.put_bucket_notification_configuration(Bucket=ROOMS, NotificationConfiguration={})
        room = self._room()
        leaving = self._worker(room, 3)
        self._begin(room, *FAST, OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE)
        self.did.unheard += 1
        self._wait(room, JobState.PUBLISHED)
        self.did.lost_notices += 1
        self.did.published += 1
        s3.put_bucket_notification_configuration(Bucket=ROOMS, NotificationConfiguration=told)
        time.sleep(2)  # what it told last is scraped
        leaving.stop()

    def _pull_what_was_damaged(self) -> None:
        """With no worker there to have the model from, it comes from the store, with other bytes at first."""
        room = self._rooms[-1]
        model = self.product.job(room)["model_id"]
        self.proxy.script(MODEL_FILES, Corrupt(), times=1000)
        assert self._run("models", "pull", model, "-r", room).status != 0
        self.did.damaged_pulls += 1
        self.proxy.stop_faults()
        pulled = self._run("models", "pull", model, "-r", room)
        assert pulled.status == 0, pulled.err
        (made,) = self.product.service.manifest(room).models.values()
        self.did.pulled_bytes += made.storage.size_bytes
        self.did.damaged_bytes += made.storage.size_bytes

    def _ask_for_nonsense(self) -> None:
        room = self._rooms[1]
        for _ in range(3):
            self._send(room, "--set", "trainer_config.max_epochs=none")
            self.did.refused_jobs += 1
        service = self.product.service
        refused = self.did.refused_jobs
        eventually(
            lambda: [job.state for job in service.jobs(room)].count(JobState.FAILED) == refused, LONG_S
        )

    def _ask_for_too_much(self, room: str) -> None:
        """A second instance comes, which lets a user have one open upload."""
        _, url = self.product.stack.service("second", self._second_port, SLEAP_RTC_USER_OPEN_UPLOADS="1")
        here = {"SLEAP_RTC_BACKEND_API_URL": url}
        first = self._file("first.bin", PART)
        opened = self.product.service.request_upload(
            RequestUpload(room_id=room, file_name=first.name, size_bytes=PART, part_size_bytes=PART)
        )
        assert self._run("uploads", "put", str(first), "-r", room, **here).status != 0
        self.did.refused_uploads += 1
        self.product.service.abort_upload(opened.upload_id)
        self.did.uploads.update(("opened", "aborted"))

    def _look_around(self, asked: Prometheus, watch: Running) -> None:
        """Wait until everything was looked at and scraped, and keep what there is."""
        did, service = self.did, self.product.service
        eventually(lambda: asked.value("sum(max by (queue) (sleap_rtc_dead_letters))") == did.poison, LONG_S)
        said = [each for room in self._rooms for each in worker_presences(self._bucket(ROOMS), room)]
        did.present = tuple(present(said, datetime.now(UTC)))
        idle = 'max(sleap_rtc_workers{busy="yes"}) + sum(sleap_rtc_queue_depth)'
        there = "sum(max by (kind, busy) (sleap_rtc_workers))"
        eventually(lambda: asked.value(idle) == 0 and asked.value(there) == len(did.present), LONG_S)
        did.jobs = tuple(job for room in self._rooms for job in service.jobs(room))
        did.heard = len(watch.lines)
        did.cached_bytes = _size(self.product.stack.folder / "cache")
        # A sweep began and ended since, and so did a scrape.
        settled = asked.value("sum(sleap_rtc_sweeps_total)") + 2
        eventually(lambda: asked.value("sum(sleap_rtc_sweeps_total)") >= settled, LONG_S)
        for bucket in (ROOMS, UPLOADS):
            did.stored[bucket] = sum(info.size_bytes for info in self._bucket(bucket).list(""))
        did.asked = Counter(filter(None, map(operation_of, list(self.proxy.lines))))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


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
