"""Workers that leave by themselves, as pods do: their exit code, and what they leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from support.product import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product, Said

FAST = ("--set", "trainer_config.max_epochs=2")


def run_worker(product: Product, room: str, *options: str) -> Said:
    """Run a worker until it leaves."""
    return product.run("worker", "-r", room, *options, **product.stack.cloud_environment)


def submit(product: Product, room: str, package: Path) -> None:
    sent = product.run("client-train", "-p", str(package), "-r", room, *FAST, "--detach")
    assert sent.status == 0, sent.err


def states(product: Product, room: str) -> list[str]:
    return [job["state"] for job in product.run("jobs", "ls", "-r", room, "--json").json()]


def messages(product: Product, room: str) -> tuple[int, int]:
    """Return how many messages the room's job queue shows, and how many somebody holds."""
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=product.stack.engine_url)
    url = sqs.get_queue_url(QueueName=f"sleap-rtc-jobs-{room}")["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(told["ApproximateNumberOfMessages"]), int(told["ApproximateNumberOfMessagesNotVisible"])


def test_workers_leave_with_code_0_and_take_no_message_with_them(
    product: Product, small_package: Path
) -> None:
    room = product.new_room()
    submit(product, room, small_package)
    submit(product, room, small_package)
    eventually(lambda: states(product, room) == ["queued", "queued"])

    one_job = run_worker(product, room, "--max-jobs", "1")
    assert (one_job.status, messages(product, room)) == (0, (1, 0)), one_job.err
    eventually(lambda: sorted(states(product, room)) == ["published", "queued"])

    the_rest = run_worker(product, room, "--exit-when-idle", "1")
    assert (the_rest.status, messages(product, room)) == (0, (0, 0)), the_rest.err
    eventually(lambda: states(product, room) == ["published", "published"])
