"""Workers that are lost in mid-training: the next one goes on from the last checkpoint."""

from __future__ import annotations

import re
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from support.desktop import OWNER, ROOMS
from support.product import Product, eventually, kill_9
from support.top_down import make_top_down_package
from ulid import ULID

from sleap_rtc.client.job_live_client import JobLiveClient
from sleap_rtc.events.checkpoints import Checkpoint, Checkpoints
from sleap_rtc.events.job_commands import Pause, Stop
from sleap_rtc.events.service_http import ServiceHttp
from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.storage import keys
from sleap_rtc.storage.object_store import Overwrite

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from sleap_rtc.events.job_commands import Command, CommandAnswer

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

ENDLESS = 100_000
PATIENCE_S = 240
SLOW = "trainer_config.train_data_loader.batch_size=1"
RARELY = "3600"
BEGINS = re.compile(r"training \w+ with the")
EPOCH = re.compile(r"epoch (\d+)/\d+ train_loss")


class Course:
    """A room with one job, and the workers that come and go."""

    def __init__(self, product: Product, package: Path) -> None:
        self.product = product
        self.room = product.new_room()
        options = ("--set", f"trainer_config.max_epochs={ENDLESS}", "--set", SLOW, "--detach")
        sent = product.run("client-train", "-p", str(package), "-r", self.room, *options)
        assert sent.status == 0, sent.err
        self.job_id = product.job(self.room)["job_id"]
        self.objects = product.objects(ROOMS)
        self.workers: list[subprocess.Popen[str]] = []

    def worker(self, *, credentials: bool = True, every_s: str = "0") -> subprocess.Popen[str]:
        """Start a worker, with a role or as a desktop without one."""
        more = dict(self.product.stack.cloud_environment) if credentials else {}
        if not credentials:
            more |= {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
        worker = self.product.start("worker", "-r", self.room, **more, SLEAP_RTC_CHECKPOINT_EVERY_S=every_s)
        self.workers.append(worker)
        return worker

    @property
    def kept(self) -> Checkpoint | None:
        return Checkpoints(self.objects).find(self.room, self.job_id)

    def epoch_kept(self) -> int:
        return self.kept.epoch if self.kept else -1

    def told(self, command: Command) -> CommandAnswer:
        """Have the worker do something."""
        stack = self.product.stack
        client = JobLiveClient(ServiceHttp(stack.service_url, stack.issuer.token(OWNER)))
        command_id = str(ULID())
        client.give_command(self.room, self.job_id, command_id, command)
        eventually(lambda: client.command(self.room, self.job_id, command_id).answer is not None, PATIENCE_S)
        answer = client.command(self.room, self.job_id, command_id).answer
        assert answer is not None
        assert answer.outcome == "done", answer
        return answer

    def log(self) -> str:
        return self.product.run("jobs", "logs", self.job_id, "-r", self.room).out

    def trainings(self) -> int:
        """Return how many trainings began."""
        return len(BEGINS.findall(self.log()))

    def trained(self) -> list[int]:
        """Return the epochs that the last attempt says it trained, counted from 0."""
        return [int(found) - 1 for found in EPOCH.findall(BEGINS.split(self.log())[-1])]

    def finished(self, training: int) -> list[int]:
        """Stop the training, the first or a later one, once it has done two epochs.

        Return the epochs of the model's curve, counted from 0.
        """
        eventually(
            lambda: len(BEGINS.findall(self.log())) == training and len(self.trained()) > 1, PATIENCE_S
        )
        self.told(Stop())
        eventually(lambda: self.product.job(self.room)["state"] in {"published", "failed"}, PATIENCE_S)
        job = self.product.job(self.room)
        assert job["state"] == "published", self.log()
        shown = self.product.run("models", "show", job["model_id"], "-r", self.room, "--json").json()
        return [row["epoch"] for row in shown["record"]["metrics"]["curve"]]

    def stored(self) -> list[str]:
        """Return what lies there of checkpoints."""
        return [info.key for info in self.objects.list(keys.checkpoint_prefix(self.room, self.job_id))]


@pytest.fixture
def course(product: Product, tmp_path: Path) -> Iterator[Course]:
    package = tmp_path / "Mäuse 2.zip"
    make_example_package(package, frames=24, size=64)
    with _running(Course(product, package)) as course:
        yield course


@pytest.fixture
def of_two_models(product: Product, tmp_path: Path) -> Iterator[Course]:
    package = make_top_down_package(tmp_path / "Mäuse 3.zip", frames=24)
    with _running(Course(product, package)) as course:
        yield course


@contextmanager
def _running(course: Course) -> Iterator[Course]:
    yield course
    for worker in course.workers:
        if worker.poll() is None:
            worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)


def assert_whole(curve: list[int]) -> None:
    """Every epoch is there, once and in its turn."""
    assert curve == list(range(len(curve)))


@pytest.mark.parametrize("credentials", [True, False], ids=["a role", "a desktop"])
def test_a_worker_killed_in_mid_training_costs_an_epoch_at_most(course: Course, credentials: bool) -> None:
    killed = course.worker(credentials=credentials)
    eventually(lambda: course.epoch_kept() >= 1, PATIENCE_S)
    under_way = int(course.told(Pause()).values["epoch"])
    eventually(lambda: course.epoch_kept() >= under_way - 1, PATIENCE_S)
    kill_9(killed)
    course.worker(credentials=credentials)
    curve = course.finished(training=2)
    assert course.trained()[0] >= under_way, "more than the epoch that was under way was done again"
    assert_whole(curve)
    eventually(lambda: course.stored() == [])


def test_a_worker_that_is_told_to_stop_brings_its_checkpoint_before_it_gives_the_job_back(
    course: Course,
) -> None:
    stopped = course.worker(every_s=RARELY)
    eventually(lambda: course.epoch_kept() >= 0 and len(course.trained()) > 3, PATIENCE_S)
    first = course.epoch_kept()
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait(60) == 0
    kept = course.epoch_kept()
    assert kept > first
    course.worker()
    assert_whole(course.finished(training=2))
    assert course.trained()[0] > kept


def test_a_checkpoint_with_a_wrong_byte_costs_the_epochs_and_not_the_job(course: Course) -> None:
    killed = course.worker(every_s=RARELY)
    # A worker that is killed takes along what its log had not sent yet.
    eventually(lambda: course.kept is not None and bool(course.trained()), PATIENCE_S)
    kill_9(killed)
    assert course.kept is not None
    key = course.kept.folder.file("last.ckpt")
    body = course.objects.get(key).body
    course.objects.put(key, body[:-1] + bytes([body[-1] ^ 1]), Overwrite())
    course.worker()
    assert_whole(course.finished(training=2))
    assert course.trained()[0] == 0
    assert "is of no use, so training starts over" in course.log()


def test_a_worker_killed_in_its_second_model_costs_nothing_of_the_first(of_two_models: Course) -> None:
    course = of_two_models
    killed = course.worker()
    eventually(lambda: len(course.trained()) > 1, PATIENCE_S)
    course.told(Stop())
    eventually(lambda: "training centered_instance with" in course.log(), PATIENCE_S)
    eventually(
        lambda: course.kept is not None and course.kept.turn == 1 and bool(course.trained()), PATIENCE_S
    )
    kill_9(killed)
    (first,) = course.product.job(course.room)["models"]
    kept = course.epoch_kept()
    course.worker()
    assert_whole(course.finished(training=3))
    assert course.trained()[0] > kept
    assert f"model {first['model_id']} (centroid) of an earlier attempt counts" in course.log()
    made = course.product.job(course.room)["models"]
    assert [made[0], made[1]["model_type"]] == [first, "centered_instance"]
