"""What a person sees who did something wrong: one sentence, an exit code of its own, nothing half-written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.desktop import ServiceLab

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product


def test_a_missing_file(product: Product) -> None:
    told = product.run("client-train", "-p", "not here.zip", "-r", product.new_room())
    assert told.status == 3
    assert "There is no file at not here.zip" in told.sentence


def test_a_folder_instead_of_a_file(product: Product) -> None:
    told = product.run("uploads", "put", str(product.home), "-r", product.new_room())
    assert (told.status, "There is no file" in told.sentence) == (3, True)


def test_an_empty_file(product: Product, tmp_path: Path) -> None:
    (tmp_path / "empty.zip").touch()
    told = product.run("uploads", "put", str(tmp_path / "empty.zip"), "-r", product.new_room())
    assert (told.status, "is empty" in told.sentence) == (3, True)


def test_a_wrong_room(product: Product, small_package: Path) -> None:
    told = product.run("client-train", "-p", str(small_package), "-r", "00000000")
    assert told.status == 4
    assert "There is no room 00000000" in told.sentence
    assert not list(small_package.parent.glob("*.sleap-upload-state*"))


@pytest.mark.parametrize("room", ["../x", "a/b", "", "x" * 80, "ü"])
def test_a_room_id_that_cannot_be_one(product: Product, small_package: Path, room: str) -> None:
    told = product.run("client-train", "-p", str(small_package), "-r", room)
    assert told.status == 3
    assert "room" in told.sentence


def test_no_service_at_the_address(product: Product) -> None:
    told = product.run("rooms", "ls", SLEAP_RTC_BACKEND_API_URL="http://127.0.0.1:9")
    assert told.status == 5
    assert "http://127.0.0.1:9 does not answer (127.0.0.1:9: connection refused)" in told.sentence


def test_another_service_at_the_address(product: Product) -> None:
    told = product.run("rooms", "ls", SLEAP_RTC_BACKEND_API_URL=product.stack.engine_url)
    assert told.status in {1, 4, 5, 9}
    assert told.sentence


def test_a_token_that_nobody_issued(product: Product) -> None:
    told = product.run("rooms", "ls", SLEAP_RTC_TOKEN="made.up.token")
    assert told.status == 9
    assert "token" in told.sentence
    assert "made.up.token" not in told.sentence


def test_a_stranger_learns_nothing_of_a_room(product: Product) -> None:
    room = product.new_room()
    stranger = product.stack.issuer.token("somebody-else")
    real = product.run("models", "ls", "-r", room, SLEAP_RTC_TOKEN=stranger)
    made_up = product.run("models", "ls", "-r", "00000000", SLEAP_RTC_TOKEN=stranger)
    assert real.status == made_up.status == 4
    assert real.sentence.replace(room, "00000000") == made_up.sentence


def test_a_wrong_setting(product: Product) -> None:
    told = product.run("rooms", "ls", SLEAP_RTC_MAX_CONCURRENT_PARTS="many")
    assert told.status == 3
    assert "max_concurrent_parts" in told.sentence.lower()


def test_a_model_that_is_not_there(product: Product) -> None:
    told = product.run("models", "pull", "nothing", "-r", product.new_room())
    assert (told.status, "no model nothing" in told.sentence) == (4, True)


def test_a_worker_without_credentials_whose_token_may_only_read(product: Product) -> None:
    lab = ServiceLab(product)
    lab.let_in("a reader", "reader")
    token = product.stack.issuer.token("a reader")
    told = product.run("worker", "-r", lab.room_id, AWS_EC2_METADATA_DISABLED="true", SLEAP_RTC_TOKEN=token)
    assert told.status == 9
    assert f"you may only read in room {lab.room_id}" in told.err.splitlines()[-1]


def test_a_package_that_is_no_package_fails_its_job(product: Product, tmp_path: Path) -> None:
    room = product.new_room()
    worker = product.worker(room)
    (tmp_path / "notes.zip").write_bytes(b"these are notes, not a zip file")
    told = product.run("client-train", "-p", str(tmp_path / "notes.zip"), "-r", room)
    assert told.status == 8
    assert "package_refused" in told.sentence
    worker.stop()


def test_a_trainer_that_is_not_installed_fails_its_job(product: Product, small_package: Path) -> None:
    if shutil.which("sleap-nn"):
        pytest.skip("sleap-nn is installed here, so it is not missing")
    room = product.new_room()
    worker = product.worker(room)
    told = product.run("client-train", "-p", str(small_package), "-r", room, "--trainer", "sleap-nn")
    assert told.status == 8
    assert "trainer_missing" in told.sentence
    worker.stop()


def test_a_full_disk(product: Product, small_package: Path, tmp_path: Path) -> None:
    room = product.new_room()
    worker = product.worker(room)
    fast = ("--set", "trainer_config.max_epochs=1")
    assert product.run("client-train", "-p", str(small_package), "-r", room, *fast).status == 0
    worker.stop()
    model = product.job(room)["model_id"]
    pull = f"{sys.executable} -m sleap_rtc.client models pull {model} -r {room} -o {tmp_path}"
    script = f"mount -t tmpfs -o size=64k none {tmp_path} && {pull}; it=$?; find {tmp_path} -type f; exit $it"
    told = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        env=product.client_environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if "unshare" in told.stderr or "mount:" in told.stderr:
        pytest.skip("this machine does not let a user make a small disk")
    assert told.returncode == 6, told.stderr
    assert "is full" in told.stderr
    assert not [line for line in told.stdout.splitlines() if ".part" in line or ".ckpt" in line]
