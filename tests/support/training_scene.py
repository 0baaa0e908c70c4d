"""A room with a job that trains until somebody stops it, and the workers that come and go."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

import psutil

from sleap_rtc.events.checkpoints import Checkpoint, Checkpoints
from sleap_rtc.storage import keys
from support.desktop import ROOMS
from support.product import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sleap_rtc.events.api import JobView
    from support.product import Product

PATIENCE_S = 240
WITHOUT_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
# Whoever watches and commands it needs a core, too.
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
BEGINS = re.compile(r"training \w+ with the")
EPOCH = re.compile(r"epoch (\d+)/\d+ train[_/]loss")


class TrainingScene:
    """The client has sent the job; its workers are stopped with the block.

    Args:
        product: the stack.
        package: what is trained.
        settings: of the trainer.
        trainer: what the job asks for.
        room: where; a new one without it.
    """

    def __init__(
        self,
        product: Product,
        package: Path,
        settings: Mapping[str, str],
        trainer: str = "reference",
        room: str = "",
    ) -> None:
        self.product = product
        self.room = room or product.new_room()
        options = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
        options += ["--trainer", trainer, "--detach", "--json"]
        sent = product.run("client-train", "-p", str(package), "-r", self.room, *options)
        self.job_id = str(sent.json_lines()[-1]["job_id"])
        self.objects = product.objects(ROOMS)
        self._workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            worker.wait(60)

    def worker(
        self, *options: str, credentials: bool = True, every_s: str = "0", **more: str
    ) -> subprocess.Popen[bytes]:
        """Start a worker, with a role or as a desktop without one; it keeps a checkpoint every so often."""
        stack = self.product.stack
        environment = {
            **self.product.client_environment,
            **(stack.cloud_environment if credentials else WITHOUT_CREDENTIALS),
            "SLEAP_RTC_CHECKPOINT_EVERY_S": every_s,
            **ONE_CORE,
            **more,
        }
        with (stack.folder / "log" / f"worker-{self.job_id}-{len(self._workers)}.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "sleap_rtc.client", "worker", "-r", self.room, *options],
                env=environment,
                cwd=self.product.home,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._workers.append(worker)
        return worker

    def kill_9(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill a worker alone, and wait until nothing of what it started for the job is left."""
        assert self.engines(), "no engine runs that could be left behind"
        worker.kill()
        worker.wait()
        eventually(lambda: not self.engines())

    def engines(self) -> list[int]:
        """Return the processes that run in a folder of the job."""
        here = [each.pid for each in psutil.process_iter(["cwd"]) if self.job_id in (each.info["cwd"] or "")]
        return [pid for pid in here if psutil.pid_exists(pid)]

    def tell(self, command: str, *arguments: str) -> dict[str, Any]:
        """Have the worker do something, as a user does; return its answer."""
        said = self.product.run("jobs", command, self.job_id, *arguments, "-r", self.room, "--json")
        answer: dict[str, Any] = said.json()
        assert answer["outcome"] == "done", answer
        return answer

    @property
    def kept(self) -> Checkpoint | None:
        """The checkpoint that a next worker would find."""
        return Checkpoints(self.objects).find(self.room, self.job_id)

    def epoch_kept(self) -> int:
        """Return the epoch of the last checkpoint, counted from 0; -1 where there is none."""
        return self.kept.epoch if self.kept else -1

    def stored(self) -> list[str]:
        """Return what lies there of checkpoints."""
        return [info.key for info in self.objects.list(keys.checkpoint_prefix(self.room, self.job_id))]

    def log(self) -> str:
        """Return the job's log as far as it was sent."""
        service, text, after = self.product.service, "", 0
        while segments := service.job_log(self.room, self.job_id, after).segments:
            text += "".join(segment.text for segment in segments)
            after = segments[-1].number
        return text

    def trainings(self) -> int:
        """Return how many trainings began in all attempts, as its log has them."""
        return len(BEGINS.findall(self.log()))

    def trained(self) -> list[int]:
        """Return the epochs that the last attempt says it trained, counted from 0."""
        return [int(found) - 1 for found in EPOCH.findall(BEGINS.split(self.log())[-1])]

    def reaches(self, *states: str) -> JobView:
        """Wait until the job is in one of these states."""
        service = self.product.service
        eventually(lambda: service.job(self.room, self.job_id).state in states, PATIENCE_S)
        return service.job(self.room, self.job_id)

    def published(self) -> dict[str, Any]:
        """Wait for the end of the job; return its model as `models show` has it."""
        job = self.reaches("published", "failed")
        assert job.state == "published", self.log()
        shown = self.product.run("models", "show", str(job.model_id), "-r", self.room, "--json")
        model: dict[str, Any] = shown.json()
        return model


def assert_whole(model: dict[str, Any]) -> None:
    """Every epoch is in the model's curve, once and in its turn."""
    curve = [row["epoch"] for row in model["record"]["metrics"]["curve"]]
    assert curve == list(range(len(curve)))
