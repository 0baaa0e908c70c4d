"""A worker's cache in the story: the same bytes are downloaded once, and the store still has its say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.product import Product, eventually

from sleap_rtc.storage.object_store import Overwrite

if TYPE_CHECKING:
    from pathlib import Path

FAST = ("--set", "trainer_config.max_epochs=2")


def submit(product: Product, room: str, package: Path) -> None:
    sent = product.run("client-train", "-p", str(package), "-r", room, *FAST, "--detach")
    assert sent.status == 0, sent.err


def ended(product: Product, room: str, count: int) -> list[dict[str, object]]:
    """Wait until the room has so many jobs, all ended, and return them, the oldest first."""

    def jobs() -> list[dict[str, object]]:
        found = product.run("jobs", "ls", "-r", room, "--json").json()
        return sorted(found, key=lambda job: str(job["job_id"]))

    def all_ended() -> bool:
        found = jobs()
        return len(found) == count and all(job["state"] in {"published", "failed"} for job in found)

    eventually(all_ended)
    return jobs()


def log(product: Product, room: str, job: dict[str, object]) -> str:
    return product.run("jobs", "logs", str(job["job_id"]), "-r", room).out


def cache(product: Product, *arguments: str) -> list[dict[str, object]]:
    folder = product.stack.cloud_environment["SLEAP_RTC_CACHE_DIR"]
    told = product.run("cache", *arguments, "--json", SLEAP_RTC_CACHE_DIR=folder).json()
    return list(told["datasets"])


def test_the_second_job_with_the_same_bytes_downloads_nothing(
    product: Product, small_package: Path, tmp_path: Path
) -> None:
    room = product.new_room()
    renamed = tmp_path / "renamed.zip"
    renamed.write_bytes(small_package.read_bytes())
    worker = product.worker(room)
    for count, package in enumerate((small_package, renamed), start=1):
        submit(product, room, package)
        jobs = ended(product, room, count)
    first, second = (log(product, room, job) for job in jobs)
    worker.stop()
    assert ("downloading small.zip" in first, "cache hit" in first) == (True, False)
    assert ("downloading" in second, "cache hit: small.zip" in second) == (False, True)
    assert [job["state"] for job in jobs] == ["published"] * 2
    (dataset,) = cache(product, "ls")
    assert dataset["size_bytes"] == small_package.stat().st_size
    assert dataset["in_use"] is False


@pytest.mark.faults
def test_a_dataset_replaced_in_the_store_is_refused_though_its_bytes_are_here(
    product: Product, small_package: Path
) -> None:
    room = product.new_room()
    worker = product.worker(room, "first")
    submit(product, room, small_package)
    ended(product, room, 1)
    worker.stop()
    assert cache(product, "ls")

    submit(product, room, small_package)
    eventually(lambda: product.run("jobs", "ls", "-r", room, "--json").json()[-1]["state"] == "queued")
    waiting = product.run("jobs", "ls", "-r", room, "--json").json()[-1]
    key = waiting["dataset"]["path"].removeprefix("s3://sleap-rtc-uploads/")
    product.objects("sleap-rtc-uploads").put(key, b"something else", Overwrite(), "application/zip")
    worker = product.worker(room, "second")
    _, refused = ended(product, room, 2)
    worker.stop()
    assert refused["state"] == "failed"
    assert "dataset_changed" in str(refused["failure"])
