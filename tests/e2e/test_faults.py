"""Processes killed with -9 and bytes altered in mid-work: nothing is lost, nothing false is kept."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.product import Product, eventually, kill_9
from support.tamper import flip_a_byte

from sleap_rtc.storage.object_store import Overwrite

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.faults
FAST = ("--set", "trainer_config.max_epochs=2")
SLOW = ("--set", "trainer_config.max_epochs=200")


@pytest.fixture
def big_file(tmp_path: Path) -> Path:
    path = tmp_path / "big file.bin"
    path.write_bytes(random.Random(0).randbytes(80 * 1024 * 1024))
    return path


@pytest.fixture
def state_file(big_file: Path) -> Path:
    return big_file.with_name(big_file.name + ".sleap-upload-state")


def parts_acknowledged(state_file: Path) -> int:
    return max(0, len(state_file.read_text().splitlines()) - 1) if state_file.exists() else 0


def sending(product: Product, big_file: Path, room: str) -> subprocess.Popen[str]:
    """Start an upload that takes some seconds, however fast the machine is."""
    return product.start("uploads", "put", str(big_file), "-r", room, "--limit", "20MB")


def killed_after(product: Product, big_file: Path, state_file: Path, room: str, parts: int) -> None:
    client = sending(product, big_file, room)
    eventually(lambda: parts_acknowledged(state_file) >= parts)
    kill_9(client)


@pytest.mark.parametrize("parts", [1, 4, 8])
def test_a_killed_client_resumes_with_the_same_command(
    product: Product, big_file: Path, state_file: Path, parts: int
) -> None:
    room = product.new_room()
    killed_after(product, big_file, state_file, room, parts)
    kept = parts_acknowledged(state_file)
    first, *_, last, sent = product.run("uploads", "put", str(big_file), "-r", room, "--json").json_lines()
    assert first["done_bytes"] == first["resumed_bytes"] > 0
    assert last["resumed_bytes"] == sent["resumed_bytes"] == kept * 8 * 1024 * 1024
    (upload,) = product.run("uploads", "ls", "-r", room, "--json").json()
    assert (upload["state"], upload["checksum"]) == ("completed", sent["checksum"])
    stored = product.objects("sleap-rtc-uploads").get(sent["path"].removeprefix("s3://sleap-rtc-uploads/"))
    assert stored.body == big_file.read_bytes()
    assert not state_file.exists()


def test_ctrl_c_keeps_what_was_acknowledged_and_says_so(
    product: Product, big_file: Path, state_file: Path
) -> None:
    # Who starts the tests in the background has them ignore Ctrl-C, and their children with them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    client = sending(product, big_file, product.new_room())
    eventually(lambda: parts_acknowledged(state_file) >= 2)
    client.send_signal(signal.SIGINT)
    out, _ = client.communicate()
    assert (client.returncode, "run the same command again" in out) == (130, True)
    assert parts_acknowledged(state_file) >= 2


def test_one_byte_changed_between_two_runs_starts_again(
    product: Product, big_file: Path, state_file: Path
) -> None:
    room = product.new_room()
    killed_after(product, big_file, state_file, room, 2)
    before = big_file.stat()
    acknowledged = json.loads(state_file.read_text().splitlines()[1])["number"]
    flip_a_byte(big_file, (acknowledged - 1) * 8 * 1024 * 1024)
    os.utime(big_file, ns=(before.st_atime_ns, before.st_mtime_ns))
    told = product.run("uploads", "put", str(big_file), "-r", room)
    assert (told.status, "changed since the last run" in told.out) == (0, True)
    uploads = product.run("uploads", "ls", "-r", room, "--json").json()
    assert sorted(upload["state"] for upload in uploads) == ["aborted", "completed"]


def test_an_upload_that_was_aborted_meanwhile_starts_again(
    product: Product, big_file: Path, state_file: Path
) -> None:
    room = product.new_room()
    killed_after(product, big_file, state_file, room, 2)
    (upload,) = product.run("uploads", "ls", "-r", room, "--json").json()
    assert product.run("uploads", "abort", upload["upload_id"]).status == 0
    told = product.run("uploads", "put", str(big_file), "-r", room)
    assert (told.status, "was aborted; starting again" in told.out) == (0, True)


def test_two_clients_do_not_send_the_same_file(product: Product, big_file: Path, state_file: Path) -> None:
    room = product.new_room()
    first = sending(product, big_file, room)
    eventually(lambda: parts_acknowledged(state_file) >= 1)
    second = product.run("uploads", "put", str(big_file), "-r", room)
    assert (second.status, "Another process is already sending" in second.sentence) == (3, True)
    first.communicate()
    assert first.returncode == 0


def test_a_killed_worker_leads_to_the_job_being_taken_again(product: Product, small_package: Path) -> None:
    room = product.new_room()
    worker = product.worker(room, "first")
    client = product.start("client-train", "-p", str(small_package), "-r", room, *SLOW)
    product.wait_for_job(room, "training")
    worker.kill()
    other = product.worker(room, "second")
    job = product.wait_for_job(room, "published")
    out, err = client.communicate()
    assert client.returncode == 0, err
    assert "lost" in out
    assert "published (attempt 2)" in out
    assert [edge["state"] for edge in job["history"]].count("published") == 1
    assert job["fencing"] == 2
    other.stop()


def test_a_killed_worker_takes_its_training_process_with_it(product: Product, small_package: Path) -> None:
    room = product.new_room()
    worker = product.worker(room)
    product.run("client-train", "-p", str(small_package), "-r", room, *SLOW, "--detach")
    product.wait_for_job(room, "training")
    eventually(lambda: trainers() > 0)
    worker.kill()
    eventually(lambda: trainers() == 0)


def trainers() -> int:
    found = subprocess.run(
        ["pgrep", "-fc", "sleap_rtc.worker.reference_trainer train"], capture_output=True, check=False
    )
    return int(found.stdout)


def test_a_worker_that_is_asked_to_stop_gives_its_job_back(product: Product, small_package: Path) -> None:
    room = product.new_room()
    worker = product.worker(room, "first")
    product.run("client-train", "-p", str(small_package), "-r", room, *SLOW, "--detach")
    product.wait_for_job(room, "training")
    worker.stop()
    job = product.wait_for_job(room, "requeued")
    assert job["history"][-1]["event"] == "the worker shut down"
    other = product.worker(room, "second")
    product.wait_for_job(room, "training", "uploading", "published")
    other.stop()


def altered(body: bytes) -> bytes:
    return body[:1000] + bytes([body[1000] ^ 1]) + body[1001:]


@pytest.fixture
def waiting_job(product: Product, small_package: Path) -> tuple[str, str]:
    """A job whose dataset is uploaded while no worker runs: its room and the dataset's key."""
    room = product.new_room()
    product.run("client-train", "-p", str(small_package), "-r", room, *FAST, "--detach")
    job = product.wait_for_job(room, "queued")
    return room, job["dataset"]["path"].removeprefix("s3://sleap-rtc-uploads/")


def test_a_dataset_replaced_in_the_store_is_refused(product: Product, waiting_job: tuple[str, str]) -> None:
    room, key = waiting_job
    uploads = product.objects("sleap-rtc-uploads")
    uploads.put(key, altered(uploads.get(key).body), Overwrite(), "application/zip")
    worker = product.worker(room)
    job = product.wait_for_job(room, "failed")
    assert job["failure"]["code"] == "dataset_changed"
    assert "was replaced in the store after its upload was completed" in job["failure"]["message"]
    worker.stop()


def test_a_byte_flipped_on_the_disk_of_the_store_is_refused(tmp_path: Path, small_package: Path) -> None:
    product = Product(tmp_path)
    with product.stack:
        room = product.new_room()
        product.run("client-train", "-p", str(small_package), "-r", room, *FAST, "--detach")
        product.wait_for_job(room, "queued")
    stored = [path for path in (tmp_path / "stack" / "engine" / "s3").rglob("*") if is_dataset(path)]
    assert stored
    for path in stored:
        path.write_bytes(altered(path.read_bytes()))
    with product.stack:
        worker = product.worker(room)
        job = product.wait_for_job(room, "failed")
        assert job["failure"]["code"] == "dataset_corrupt"
        worker.stop()


def is_dataset(path: Path) -> bool:
    return path.is_file() and path.read_bytes()[:4] == b"PK\x03\x04"


def test_the_stack_killed_in_mid_job_finishes_after_the_next_start(
    tmp_path: Path, small_package: Path
) -> None:
    product = Product(tmp_path)
    with product.stack:
        room = product.new_room()
        product.worker(room)
        product.run("client-train", "-p", str(small_package), "-r", room, *SLOW, "--detach")
        product.wait_for_job(room, "training")
        for child in product.stack.children:
            child.kill()
    with product.stack:
        worker = product.worker(room)
        job = product.wait_for_job(room, "published")
        assert job["attempt"] == 2
        worker.stop()


def test_up_finds_its_objects_again_and_nothing_outlives_it(tmp_path: Path) -> None:
    def up() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-u", "-m", "sleap_rtc.client", "up", "--data-dir", str(tmp_path / "stack")],
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "HOME": str(tmp_path)},
        )

    def client(running: subprocess.Popen[str]) -> dict[str, str]:
        assert running.stdout is not None
        exports = dict[str, str]()
        for line in running.stdout:
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").strip().partition("=")
                exports[name] = value
            if "Ctrl-C" in line:
                break
        return {**os.environ, "HOME": str(tmp_path), **exports}

    def rooms(environment: dict[str, str], *arguments: str) -> str:
        command = [sys.executable, "-m", "sleap_rtc.client", "rooms", *arguments]
        return subprocess.check_output(command, env=environment, encoding="utf-8")

    first = up()
    rooms(client(first), "create", "Kept room")
    kill_9(first)
    eventually(lambda: not processes_with(str(tmp_path)))
    second = up()
    assert "Kept room" in rooms(client(second), "ls")
    second.terminate()
    second.communicate()
    assert second.returncode == 0
    eventually(lambda: not processes_with(str(tmp_path)))


def processes_with(text: str) -> list[str]:
    """Return the processes whose environment names a folder."""
    found = []
    for process in os.listdir("/proc"):  # noqa: PTH208 - names are all that is wanted
        try:
            with open(f"/proc/{process}/environ", "rb") as file:  # noqa: PTH123
                if process.isdigit() and int(process) != os.getpid() and text.encode() in file.read():
                    found.append(process)
        except OSError:
            continue
    return found
