"""Workers that are killed or told to stop at any instant: every job is trained, every model comes once."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from support.product import Product, eventually

from sleap_rtc.local.stack import LocalStack

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

JOBS = 16
KILLS = 50
LONGEST_LIFE_S = 4.0


class PatientStack(LocalStack):
    """A stack in which a job may lose any number of workers."""

    @property
    def cloud_environment(self) -> dict[str, str]:
        return {**super().cloud_environment, "SLEAP_RTC_MOST_ATTEMPTS": "1000"}


def submitted(product: Product, room: str, package: Path) -> None:
    """Ask for jobs that differ in their seed, and so in their model; the dataset travels once."""
    for seed in range(JOBS):
        options = ("--set", f"trainer_config.seed={seed}", "--set", "trainer_config.max_epochs=6")
        sent = product.run("client-train", "-p", str(package), "-r", room, *options, "--detach")
        assert sent.status == 0, sent.err


def worker(product: Product, room: str) -> subprocess.Popen[str]:
    """Start a worker as its owner does."""
    return product.start("worker", "-r", room, **product.stack.cloud_environment)


def ended(process: subprocess.Popen[str], number: int) -> None:
    """Kill a worker, or tell it to stop, which ends with code 0."""
    kill = number % 2 == 0
    process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    if kill:
        assert process.returncode == -signal.SIGKILL
    elif "waiting for jobs" in out + err:  # before that it has nothing to give back
        assert process.returncode == 0, out + err


def states(product: Product, room: str) -> Counter[str]:
    return Counter(job["state"] for job in product.run("jobs", "ls", "-r", room, "--json").json())


def test_workers_that_end_at_fifty_random_instants_lose_no_job_and_publish_none_twice(
    tmp_path: Path, small_package: Path
) -> None:
    product = Product(tmp_path)
    product.stack = PatientStack(tmp_path / "stack", job_lease_s=4)
    dice = random.Random(1)
    with product.stack:
        room = product.new_room()
        submitted(product, room, small_package)
        for number in range(KILLS):
            process = worker(product, room)
            time.sleep(dice.uniform(0.0, LONGEST_LIFE_S))
            ended(process, number)
        last = worker(product, room)
        eventually(lambda: states(product, room) == Counter(published=JOBS), within_s=300)
        ended(last, 1)
        assert_each_was_published_once(product, room)


def assert_each_was_published_once(product: Product, room: str) -> None:
    jobs = product.run("jobs", "ls", "-r", room, "--json").json()
    models = product.run("models", "ls", "-r", room, "--json").json()
    assert len(jobs) == JOBS
    assert Counter(model["training"]["job_id"] for model in models) == Counter(job["job_id"] for job in jobs)
    for job in jobs:
        assert edges(job).count("published") == 1
    broken_off = sum(edges(job).count("requeued") for job in jobs)
    assert broken_off > KILLS / 10, "the instants fell between the jobs"


def edges(job: dict[str, Any]) -> list[str]:
    return [edge["state"] for edge in job["history"]]
