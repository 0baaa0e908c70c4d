"""A worker on a lab desktop without AWS credentials: jobs, datasets and models through the service."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.desktop import OWNER
from support.product import eventually

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.events.jobs import Job
from sleap_rtc.events.service_http import ServiceHttp
from sleap_rtc.local.child import Child
from sleap_rtc.local.issuer import AUDIENCE, ISSUER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.product import Product

pytestmark = pytest.mark.faults
FAST = ("--set", "trainer_config.max_epochs=2")
SLOW = ("--set", "trainer_config.max_epochs=200")
ENDLESS = ("--set", "trainer_config.max_epochs=100000")


class Desktop:
    """A machine without any AWS_* variable, and the workers that run on it."""

    def __init__(self, product: Product, folder: Path) -> None:
        self._product = product
        self._folder = folder
        self._workers: list[Child] = []

    def worker(self, room: str, name: str = "desktop", **environment: str) -> Child:
        """Start a worker."""
        mine = self._product.client_environment
        # What the test runner itself has in its environment is not for this machine.
        command = ["env", *(f"--unset={name}" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))]
        command += [sys.executable, "-m", "sleap_rtc.client", "worker", "--room-id", room]
        here = {"AWS_EC2_METADATA_DISABLED": "true", "SLEAP_RTC_DATA_DIR": str(self._folder / "data")}
        child = Child(name, command, {**mine, **here, **environment}, self._folder / f"{name}.log")
        self._workers.append(child)
        return child

    def log(self, name: str = "desktop") -> str:
        """Return what a worker said."""
        return (self._folder / f"{name}.log").read_text()

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()


@pytest.fixture
def desktop(product: Product, tmp_path: Path) -> Iterator[Desktop]:
    desktop = Desktop(product, tmp_path)
    yield desktop
    desktop.stop()


def submit(product: Product, package: Path, room: str, *options: str) -> None:
    sent = product.run("client-train", "-p", str(package), "-r", room, *options, "--detach")
    assert sent.status == 0, sent.err


def test_a_desktop_trains_a_job_to_its_end_and_its_model_is_pulled(
    product: Product, desktop: Desktop, package: Path
) -> None:
    room = product.new_room()
    desktop.worker(room)
    submit(product, package, room, *FAST)
    job = product.wait_for_job(room, "published")
    assert [edge["state"] for edge in job["history"]][-5:] == [
        "claimed",
        "downloading",
        "training",
        "uploading",
        "published",
    ]
    pulled = product.run("models", "pull", job["model_id"], "-r", room, "-o", str(product.home / "mine"))
    assert pulled.status == 0, pulled.err
    assert (product.home / "mine" / f"single_instance_{job['model_id']}" / "best.ckpt").stat().st_size > 0
    assert "epoch 2/2" in product.run("jobs", "logs", job["job_id"], "-r", room).out
    assert "no AWS credentials; jobs, datasets and models go through the service at" in desktop.log()


def test_a_desktop_killed_in_mid_training_is_followed_by_a_worker_with_a_role(
    product: Product, desktop: Desktop, small_package: Path
) -> None:
    room = product.new_room()
    killed = desktop.worker(room)
    submit(product, small_package, room, *SLOW)
    product.wait_for_job(room, "training")
    killed.kill()
    other = product.worker(room, "with-a-role")
    job = product.wait_for_job(room, "published")
    assert (job["fencing"], [edge["state"] for edge in job["history"]].count("published")) == (2, 1)
    other.stop()


def restart_service(product: Product) -> None:
    """Kill the service with -9 and start another at the same address, as a supervisor would."""
    stack = product.stack
    (service,) = [child for child in stack.children if child.name == "service"]
    service.kill()
    stack.children.remove(service)
    port = stack.service_url.rpartition(":")[2]
    issuer = {
        "SLEAP_RTC_JWKS_URL": stack.issuer.jwks_url,
        "SLEAP_RTC_ISSUER": ISSUER,
        "SLEAP_RTC_AUDIENCE": AUDIENCE,
    }
    command = [sys.executable, "-m", "sleap_rtc.client", "service", "--port", port]
    environment = {**stack.cloud_environment, **issuer}
    stack.children.append(Child("service", command, environment, stack.folder / "log" / "service.log"))
    eventually(lambda: product.run("rooms", "ls").status == 0)


def test_a_service_killed_in_mid_training_costs_no_job(
    product: Product, desktop: Desktop, small_package: Path
) -> None:
    room = product.new_room()
    desktop.worker(room)
    submit(product, small_package, room, *SLOW)
    product.wait_for_job(room, "training")
    restart_service(product)
    job = product.wait_for_job(room, "published")
    assert [edge["state"] for edge in job["history"]].count("published") == 1


def test_a_cancelled_job_stops_and_the_worker_takes_the_next(
    product: Product, desktop: Desktop, small_package: Path
) -> None:
    room = product.new_room()
    desktop.worker(room)
    submit(product, small_package, room, *ENDLESS)
    job = product.wait_for_job(room, "training")
    token = product.stack.issuer.token(OWNER)
    path = f"/api/rooms/{room}/jobs/{job['job_id']}/cancel"
    ServiceHttp(product.stack.service_url, token).ask("POST", path, Job)
    submit(product, small_package, room, *FAST)
    service = ServiceClient(product.stack.service_url, token)
    eventually(lambda: [each.state for each in service.jobs(room)] == ["cancelled", "published"])
    assert "was cancelled by" in product.run("jobs", "logs", job["job_id"], "-r", room).out


def ended(worker: Child, desktop: Desktop) -> tuple[int, str]:
    """Return with which code a worker ended by itself, and its last words."""
    status = worker.wait()
    assert "Traceback" not in desktop.log()
    return status, worker.last_words(1)


def test_a_worker_without_a_valid_token_ends_with_a_sentence(product: Product, desktop: Desktop) -> None:
    room = product.new_room()
    status, words = ended(desktop.worker(room, SLEAP_RTC_TOKEN="forged"), desktop)
    assert (status, "does not know who is calling" in words) == (9, True)


def test_a_desktop_with_a_token_of_its_own_trains_until_the_token_is_taken_back(
    product: Product, desktop: Desktop, small_package: Path
) -> None:
    room = product.new_room()
    given = product.run("rooms", "worker-token", "-r", room, "--name", "desk", "--json").json()
    desktop.worker(room, SLEAP_RTC_TOKEN=given["token"])
    submit(product, small_package, room, *FAST)
    product.wait_for_job(room, "published")
    # Live peers find it: it is in the room's signaling, and made a token for guests.
    eventually(lambda: "Clients of the existing tool get to this worker" in desktop.log())
    listed = product.run("rooms", "worker-tokens", "-r", room).out
    assert given["token_id"] in listed
    assert given["token"] not in listed + desktop.log()
    product.run("rooms", "worker-token", "-r", room, "--revoke", given["token_id"])
    eventually(lambda: "does not know who is calling" in desktop.log())


def test_a_worker_in_a_room_that_its_token_has_no_part_in_ends_with_a_sentence(
    product: Product, desktop: Desktop
) -> None:
    token = product.stack.issuer.token("a stranger")
    room = product.new_room()
    status, words = ended(desktop.worker(room, SLEAP_RTC_TOKEN=token), desktop)
    assert (status, f"There is no room {room}" in words) == (4, True)


def test_a_worker_without_credentials_loads_no_aws_client(product: Product) -> None:
    room = product.new_room()
    script = (
        "import asyncio, sys\n"
        "from sleap_rtc.settings import load_settings\n"
        "from sleap_rtc.live.job_board import JobBoard\n"
        "from sleap_rtc.worker.room_connection import connected\n"
        "from sleap_rtc.worker.wiring import job_runner\n"
        "async def main():\n"
        "    settings = load_settings()\n"
        f"    async with connected(settings, {room!r}) as connection:\n"
        f"        job_runner(settings, {room!r}, 'reference', connection, JobBoard(), settings.data_dir)\n"
        "        await connection.queue.receive(1, 0, 30)\n"
        "asyncio.run(main())\n"
        "print(sorted({'boto3', 'aiobotocore', 's3transfer'} & set(sys.modules)))"
    )
    environment = {**product.client_environment, "AWS_EC2_METADATA_DISABLED": "true"}
    told = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=product.home,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert told.stdout.strip() == "[]", told.stderr
