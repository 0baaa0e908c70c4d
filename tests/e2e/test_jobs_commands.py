"""`sleap-rtc jobs` as its users have it: jobs that are waited for, watched, ended, repeated."""

from __future__ import annotations

import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from support.fault_proxy import FaultProxy, LoseReply
from support.product import eventually
from support.running import Running

from sleap_rtc.events import job_steps
from sleap_rtc.events.job_store import JobStore
from sleap_rtc.local.child import Child
from sleap_rtc.local.engine import answers
from sleap_rtc.local.issuer import AUDIENCE, ISSUER
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.room import Room

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from support.product import Product, Said

    from sleap_rtc.events.jobs import Job

SHORT = ("--set", "trainer_config.max_epochs=2")
ENDLESS = ("--set", "trainer_config.max_epochs=1000000")
ROOMS = "sleap-rtc-rooms"


@pytest.fixture
def room(product: Product) -> str:
    return product.new_room()


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    # Who starts the tests in the background has them ignore Ctrl-C, and their children with them.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def submitted(product: Product, room: str, package: Path, *options: str) -> str:
    """Submit a job and stay with it no longer; return its id."""
    said = product.run("client-train", "-p", str(package), "-r", room, *options, "--detach", "--json")
    job_id = str(said.json_lines()[-1]["job_id"])
    eventually(lambda: product.run("jobs", "show", job_id, "-r", room).status == 0)
    return job_id


def state(product: Product, room: str, job_id: str) -> str:
    return str(product.run("jobs", "show", job_id, "-r", room, "--json").json()["state"])


def reach(product: Product, room: str, job_id: str, wanted: str) -> None:
    eventually(lambda: state(product, room, job_id) == wanted)


def jobs(product: Product, command: str, *arguments: str, **environment: str) -> Said:
    return product.run("jobs", command, *arguments, **environment)


def trainers(product: Product) -> list[str]:
    """Return the trainer processes of this product, by the folder that they have from their worker."""
    mine = f"SLEAP_RTC_CACHE_DIR={product.stack.folder}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mine in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().decode().replace("\0", " "))
        except OSError:
            continue
    return [command for command in found if "reference_trainer" in command and "tether" not in command]


def service_of(product: Product) -> Child:
    return next(child for child in product.stack.children if child.name == "service")


def start_service_again(product: Product) -> None:
    """Start a service at the address of one that was killed."""
    dead = service_of(product)
    port = str(urlsplit(product.stack.service_url).port)
    environment = {
        **product.stack.cloud_environment,
        "SLEAP_RTC_JWKS_URL": product.stack.issuer.jwks_url,
        "SLEAP_RTC_ISSUER": ISSUER,
        "SLEAP_RTC_AUDIENCE": AUDIENCE,
    }
    command = [sys.executable, "-m", "sleap_rtc.client", "service", "--port", port]
    product.stack.children.remove(dead)
    product.stack.children.append(Child("service", command, environment, dead.log))
    eventually(lambda: answers(f"{product.stack.service_url}/readyz"))


def end_without_a_word(product: Product, room: str, job_id: str) -> None:
    """End a job as a service does that dies before it tells the room."""

    def cancelled(present: Job) -> Job:
        return job_steps.cancelled(present, datetime.now(UTC), "nobody you heard of")

    JobStore(product.objects(ROOMS)).change(room, job_id, cancelled)


def test_a_job_that_nobody_takes_says_why_and_can_be_cancelled(
    product: Product, room: str, small_package: Path
) -> None:
    with Running(product, "client-train", "-p", str(small_package), "-r", room, *SHORT) as train:
        train.says("waits at position 1: no worker takes jobs of this room")
        job_id = product.job(room)["job_id"]
        said = jobs(product, "cancel", job_id[-4:], "-r", room)
        assert (said.status, said.out) == (0, f"Job {job_id} is cancelled. No worker was at it.\n")
        status, sentence = train.ended()
    assert status == 11
    assert sentence == (
        f"sleap-rtc: The job was cancelled by local-user. `sleap-rtc jobs retry {job_id} -r {room}` starts it"
        " again.\n"
    )
    assert train.out.count("waits at position 1") == 1
    again = jobs(product, "cancel", job_id, "-r", room)
    assert (again.status, again.out) == (0, f"Job {job_id} was cancelled already, by local-user.\n")
    assert jobs(product, "logs", job_id, "-r", room).status == 0
    assert "cancelled by local-user, before a worker began" in jobs(product, "show", job_id, "-r", room).out


def test_a_retry_trains_to_the_end_what_was_cancelled(
    product: Product, room: str, small_package: Path
) -> None:
    old = submitted(product, room, small_package, *SHORT)
    jobs(product, "cancel", old, "-r", room)
    worker = product.worker(room)
    said = jobs(product, "retry", old, "-r", room, "--follow", "--json")
    worker.stop()
    first, *_, last = said.json_lines()
    assert (first["kind"], first["retry_of"]) == ("job", old)
    assert last["state"] == "published"
    assert state(product, room, old) == "cancelled"
    assert f"retry of  {old}" in jobs(product, "show", first["job_id"], "-r", room).out
    refused = jobs(product, "retry", first["job_id"], "-r", room)
    assert (refused.status, "it is published" in refused.sentence) == (3, True)


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes as Linux shows them")
def test_a_job_in_training_is_cancelled_and_its_worker_takes_the_next_one(
    product: Product, room: str, small_package: Path
) -> None:
    worker = product.worker(room)
    endless = submitted(product, room, small_package, *ENDLESS)
    reach(product, room, endless, "training")
    eventually(lambda: bool(trainers(product)))
    short = submitted(product, room, small_package, *SHORT)
    ada = Running(product, "jobs", "logs", "-f", endless, "-r", room)
    bob = Running(product, "jobs", "logs", "-f", endless, "-r", room, "--json")
    with ada, bob:
        ada.says("epoch 3/1000000")
        bob.says("epoch 3/1000000")
        said = jobs(product, "cancel", endless, "-r", room)
        assert "was at it and stops within seconds" in said.out
        assert [ada.ended()[0], bob.ended()[0]] == [11, 11]
    reach(product, room, short, "published")
    eventually(lambda: not trainers(product))
    log = jobs(product, "logs", endless, "-r", room)
    assert (log.status, "The job was cancelled by local-user" in log.out) == (0, True)
    assert jobs(product, "ls", "-r", room, "--open").out.startswith("No job of this room is open.")
    worker.stop()


@pytest.fixture
def slow_worker(product: Product, room: str) -> Iterator[subprocess.Popen[str]]:
    """Run a worker on so slow a link that a package of some megabytes takes it a minute."""
    environment = {**product.stack.cloud_environment, "SLEAP_RTC_BANDWIDTH_LIMIT": "200000"}
    worker = product.start("worker", "-r", room, **environment)
    yield worker
    worker.kill()
    worker.communicate()


def test_a_job_in_download_is_cancelled_and_its_worker_takes_the_next_one(
    product: Product, room: str, package: Path, small_package: Path, slow_worker: subprocess.Popen[str]
) -> None:
    large = submitted(product, room, package, *SHORT)
    reach(product, room, large, "downloading")
    small = submitted(product, room, small_package, *SHORT)
    assert jobs(product, "cancel", large, "-r", room).status == 0
    reach(product, room, small, "published")
    assert state(product, room, large) == "cancelled"


def test_a_worker_that_is_told_to_stop_in_a_download_gives_the_job_back(
    product: Product, room: str, package: Path, slow_worker: subprocess.Popen[str]
) -> None:
    job_id = submitted(product, room, package, *SHORT)
    reach(product, room, job_id, "downloading")
    slow_worker.terminate()
    assert slow_worker.wait(timeout=60) == 0
    job = product.run("jobs", "show", job_id, "-r", room, "--json").json()
    assert (job["state"], job["spent"]) == ("requeued", 0)
    assert jobs(product, "cancel", job_id, "-r", room).status == 0


def test_watching_shows_every_change_of_every_job(product: Product, room: str, small_package: Path) -> None:
    first = submitted(product, room, small_package, *SHORT)
    lines = Running(product, "jobs", "watch", "-r", room)
    records = Running(product, "jobs", "watch", "-r", room, "--json")
    with lines, records:
        lines.says("waits        position 1: no worker")
        records.says(first)
        second = submitted(product, room, small_package, *SHORT)
        lines.says(f"{second}  queued")
        jobs(product, "cancel", second, "-r", room)
        lines.says(f"{second}  cancelled")
        worker = product.worker(room)
        lines.says(f"{first}  published")
        records.says('"published"')
        worker.stop()
        assert [lines.ctrl_c(), records.ctrl_c()] == [130, 130]
    assert lines.lines[-1] == f"The jobs go on. `sleap-rtc jobs watch -r {room}` watches them again."
    steps = [(event["job_id"], event["state"]) for event in records.told("event")]
    assert [step for job, step in steps if job == second] == ["queued", "cancelled"]
    assert [step for job, step in steps if job == first] == [
        *("claimed", "downloading", "training"),
        *("uploading", "published"),
    ]
    assert records.told("job")[0]["waiting"]["cause"] == "no_worker"


def test_following_survives_a_service_that_is_killed_and_started_again(
    product: Product, room: str, small_package: Path
) -> None:
    worker = product.worker(room)
    job_id = submitted(product, room, small_package, *ENDLESS)
    with Running(product, "jobs", "logs", "-f", job_id, "-r", room) as follow:
        follow.says("epoch 2/1000000")
        service_of(product).kill()
        follow.says("The job goes on; trying again.")
        start_service_again(product)
        follow.says("The service answers again.")
        jobs(product, "cancel", job_id, "-r", room)
        assert follow.ended()[0] == 11
    assert follow.out.count("trying again") == 1
    epochs = [line.partition("epoch ")[2].partition("/")[0] for line in follow.lines if " epoch " in line]
    assert epochs == [str(number) for number in range(1, len(epochs) + 1)]
    worker.stop()


def test_following_ends_although_nobody_tells_that_the_job_did(
    product: Product, room: str, small_package: Path
) -> None:
    job_id = submitted(product, room, small_package, *SHORT)
    follow = Running(product, "jobs", "logs", "-f", job_id, "-r", room)
    watch = Running(product, "jobs", "watch", "-r", room)
    with follow, watch:
        follow.says("waits at position 1")
        watch.says("waits")
        end_without_a_word(product, room, job_id)
        status, sentence = follow.ended()
        watch.says(f"{job_id}  cancelled")
    assert (status, "cancelled by nobody you heard of" in sentence) == (11, True)


def test_ctrl_c_ends_the_following_and_not_the_job(product: Product, room: str, small_package: Path) -> None:
    job_id = submitted(product, room, small_package, *SHORT)
    with Running(product, "jobs", "logs", "-f", job_id, "-r", room) as follow:
        follow.says("queued")
        assert follow.ctrl_c() == 130
    assert f"`sleap-rtc jobs logs -f {job_id} -r {room}` follows it again" in follow.lines[-1]
    assert f"`sleap-rtc jobs cancel {job_id} -r {room}` ends it" in follow.lines[-1]
    assert state(product, room, job_id) == "queued"


def test_a_retry_whose_reply_is_lost_makes_one_job(product: Product, room: str, small_package: Path) -> None:
    old = submitted(product, room, small_package, *SHORT)
    jobs(product, "cancel", old, "-r", room)
    with FaultProxy(product.stack.service_url) as proxy:
        proxy.script("POST .*/retry", LoseReply())
        said = jobs(product, "retry", old, "-r", room, "--json", SLEAP_RTC_BACKEND_API_URL=proxy.url)
        assert proxy.count("POST .*/retry") == 2
    listed = jobs(product, "ls", "-r", room, "--json").json()
    assert [job["job_id"] for job in listed] == [old, said.json()["job_id"]]


def test_a_job_that_failed_is_shown_logged_and_not_cancelled(
    product: Product, room: str, tmp_path: Path
) -> None:
    (tmp_path / "notes.zip").write_bytes(b"these are notes, not a zip file")
    worker = product.worker(room)
    job_id = submitted(product, room, tmp_path / "notes.zip")
    followed = jobs(product, "logs", "-f", job_id, "-r", room)
    worker.stop()
    assert followed.status == 8
    assert "failed  (package_refused)" in followed.out
    assert f"`sleap-rtc jobs retry {job_id} -r {room}` tries it again" in followed.sentence
    shown = jobs(product, "show", job_id, "-r", room).out
    assert "failed    package_refused:" in shown
    assert "nothing happens by itself" in shown
    refused = jobs(product, "cancel", job_id, "-r", room)
    assert (refused.status, "it is failed" in refused.sentence) == (3, True)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("show", "01J00000000000000000000009"),
        ("logs", "01J00000000000000000000009"),
        ("cancel", "9999"),
        ("retry", "x"),
        ("show", "../../rooms"),
    ],
)
def test_a_job_that_is_not_there(product: Product, room: str, command: str, name: str) -> None:
    said = jobs(product, command, name, "-r", room)
    assert (said.status, "There is no job" in said.sentence) == (4, True)


def test_who_may_only_read_cannot_cancel_or_try_again(
    product: Product, room: str, small_package: Path
) -> None:
    job_id = submitted(product, room, small_package, *SHORT)
    Documents(product.objects(ROOMS), Room).change(
        keys.room_key(room),
        lambda present: present.model_copy(update={"members": {**present.members, "guest": "reader"}}),
    )
    guest = product.stack.issuer.token("guest")
    for command in ("cancel", "retry"):
        refused = jobs(product, command, job_id, "-r", room, SLEAP_RTC_TOKEN=guest)
        assert (refused.status, "you may only read" in refused.sentence) == (9, True)
    assert jobs(product, "logs", job_id, "-r", room, SLEAP_RTC_TOKEN=guest).status == 0
    assert state(product, room, job_id) == "queued"
