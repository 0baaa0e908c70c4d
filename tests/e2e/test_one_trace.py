"""One trace from the command to the model: the ids of its links lead through every hop."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import urllib3
from support.desktop import ROOMS, UPLOADS
from support.jobs import notice
from support.product import eventually

from sleap_rtc.client import wiring
from sleap_rtc.events import tracing
from sleap_rtc.events.jobs import JobRequest
from sleap_rtc.events.span_table import ATTRIBUTES, TRAIN_COMMAND
from sleap_rtc.events.trace import trace_id
from sleap_rtc.settings import Settings
from sleap_rtc.storage.trace_keys import trace_prefix

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product
    from types_boto3_sqs import SQSClient

    from sleap_rtc.events.spans import Span
    from sleap_rtc.storage.progress import TransferProgress

FAST = ("--set", "trainer_config.max_epochs=2")
SLOW = ("--set", "trainer_config.max_epochs=60")
# From the end to the beginning: each is a part of the next or was led to by it.
BACK = (
    ("process room-events", "client"),
    ("send room-events", "service"),
    ("process model-events", "service"),
    ("upload model", "worker"),
    ("process jobs", "worker"),
    ("send jobs", "service"),
)


class Told:
    """A trace as the command prints it."""

    def __init__(self, product: Product, room: str, job: str) -> None:
        self.whole = product.run("jobs", "show", job, "-r", room, "--trace", "--json").json()
        self.spans: list[dict[str, Any]] = self.whole["spans"]
        self.by_id: dict[str, dict[str, Any]] = {span["span_id"]: span for span in self.spans}

    def named(self, name: str, part: str = "") -> list[dict[str, Any]]:
        """Return the spans of a name."""
        return [span for span in self.spans if span["name"] == name and part in {"", span["part"]}]

    def before(self, span: dict[str, Any]) -> dict[str, Any]:
        """Return what led to a span, or else what it is a part of."""
        led = [link["span_id"] for link in span["links"]]
        return self.by_id[led[0] if led else span["parent_id"]]

    def back_from(self, span: dict[str, Any]) -> list[tuple[str, str]]:
        """Return the names on the way from a span back to where it all began."""
        way = [(span["name"], span["part"])]
        while span["links"] or span["parent_id"]:
            span = self.before(span)
            way.append((span["name"], span["part"]))
        return way


def whole_trace(product: Product, room: str) -> Told:
    """Wait until all of a job's trace is there, and return it."""
    job = product.job(room)["job_id"]
    eventually(lambda: Told(product, room, job).whole["missing"] == [])
    return Told(product, room, job)


def assert_one_way_through_every_hop(told: Told, job: dict[str, Any]) -> None:
    """Follow the ids from what the client heard last back to the command that began it."""
    (heard,) = told.named("process room-events")
    way = told.back_from(heard)
    assert way[:6] == list(BACK)
    assert way[6][0] in {"dispatch", "process upload-events"}
    assert way[7:] == [("upload dataset", "client"), ("client-train", "client")]
    for parent in ("upload dataset", "process room-events", "pull model"):
        assert told.by_id[told.named(parent)[0]["parent_id"]]["name"] == "client-train"
    for route in ("POST /api/request-upload", "POST /api/complete-upload"):
        (asked,), (answered,) = told.named(route, "client"), told.named(route, "service")
        assert (answered["parent_id"], answered["kind"]) == (asked["span_id"], "server")
        assert told.by_id[asked["parent_id"]]["name"] == "upload dataset"
    for stage in ("download dataset", "train", "upload model"):
        assert told.by_id[told.named(stage)[0]["parent_id"]]["name"] == "process jobs"
    assert {span["trace_id"] for span in told.spans} == {told.whole["trace_id"]}
    assert job["traceparent"].split("-")[1] == told.whole["trace_id"]
    assert {name for span in told.spans for name in span["attributes"]} <= set(ATTRIBUTES)


def train(product: Product, room: str, package: Path, *options: str) -> None:
    trained = product.run("client-train", "-p", str(package), "-r", room, *options, "--json")
    assert trained.status == 0, trained.err


def test_with_a_worker_that_has_a_role_and_notices_that_come_twice(
    product: Product, small_package: Path
) -> None:
    room = product.new_room()
    worker = product.worker(room)
    train(product, room, small_package, *FAST)
    job = product.job(room)
    told = whole_trace(product, room)
    assert_one_way_through_every_hop(told, job)
    say_again(product, job)
    again = Told(product, room, job["job_id"])
    worker.stop()
    assert again.spans == told.spans


def say_again(product: Product, job: dict[str, Any]) -> None:
    """Let S3 say once more what it has said, and wait until everybody has heard it."""
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=product.stack.engine_url)
    model = f"{job['room_id']}/models/{job['model_type']}_{job['model_id']}/model.json"
    dataset = job["dataset"]["path"].partition(UPLOADS + "/")[2]
    queues = {
        "sleap-rtc-upload-events": notice(UPLOADS, dataset),
        "sleap-rtc-model-events": notice(ROOMS, model),
    }
    for name, record in queues.items():
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        for _ in range(2):
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"Records": [record]}))
        eventually(lambda url=url: waiting(sqs, url) == {"0"})  # type: ignore[misc] # a lambda's default


def waiting(sqs: SQSClient, url: str) -> set[str]:
    """Return how many messages a queue has, and how many of it somebody holds."""
    found = sqs.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )
    return set(found["Attributes"].values())


def test_with_a_desktop_that_has_no_credentials(product: Product, small_package: Path) -> None:
    room = product.new_room()
    desktop = product.start("worker", "-r", room)
    try:
        train(product, room, small_package, *FAST)
        told = whole_trace(product, room)
    finally:
        desktop.terminate()
        desktop.communicate()
    assert_one_way_through_every_hop(told, product.job(room))
    route = "POST /api/rooms/{room_id}/jobs/{job_id}/model"
    (sent,), (taken,) = told.named(route, "worker"), told.named(route, "service")
    assert (taken["parent_id"], told.by_id[sent["parent_id"]]["name"]) == (sent["span_id"], "upload model")


def test_the_second_attempt_after_a_worker_was_killed(product: Product, small_package: Path) -> None:
    room = product.new_room()
    killed = product.worker(room, "killed")
    sent = product.run("client-train", "-p", str(small_package), "-r", room, *SLOW, "--detach")
    assert sent.status == 0, sent.err
    product.wait_for_job(room, "training")
    killed.kill()
    other = product.worker(room, "other")
    job = product.wait_for_job(room, "published")
    eventually(lambda: Told(product, room, job["job_id"]).named("process model-events") != [])
    other.stop()
    told = Told(product, room, job["job_id"])
    (attempt,) = told.named("process jobs")
    assert attempt["attributes"]["sleap_rtc.attempt"] == 2
    assert told.before(attempt)["name"] == "send jobs"
    assert [each for each in told.whole["missing"] if "attempt" in each] == [
        f"attempt 1 of worker {claimed_by(job, 1)}: its worker was lost before it could tell"
    ]
    shown = product.run("jobs", "show", job["job_id"], "-r", room, "--trace").out
    assert "process jobs, attempt 2" in shown
    assert "missing: attempt 1 of worker" in shown


def claimed_by(job: dict[str, Any], attempt: int) -> str:
    claims = [edge for edge in job["history"] if edge["state"] == "claimed" and edge["attempt"] == attempt]
    return str(claims[0]["by"])


def test_a_trace_is_a_few_small_objects_without_anything_secret(
    product: Product, small_package: Path
) -> None:
    room = product.new_room()
    worker = product.worker(room)
    train(product, room, small_package, *FAST)
    whole_trace(product, room)
    worker.stop()
    store = product.objects(ROOMS)
    found = list(store.list(trace_prefix(room, product.job(room)["job_id"])))
    assert len(found) <= 8
    for info in found:
        text = store.get(info.key).body.decode()
        assert len(text) < 16_384
        assert not re.search(r"://|X-Amz|Bearer|eyJ|small\.zip|/home|/tmp", text)


def test_a_dataset_that_the_room_has_leads_to_the_trace_of_its_upload(
    product: Product, small_package: Path
) -> None:
    room = product.new_room()
    put = product.run("uploads", "put", str(small_package), "-r", room, "--json")
    assert put.status == 0, put.err
    sent = product.run("client-train", "-p", str(small_package), "-r", room, *FAST, "--detach")
    assert sent.status == 0, sent.err
    job = product.job(room)
    eventually(lambda: Told(product, room, job["job_id"]).named("client-train") != [])
    told = Told(product, room, job["job_id"])
    (dispatch,) = told.named("dispatch")
    assert told.by_id[dispatch["parent_id"]]["name"] == "POST /api/rooms/{room_id}/jobs"
    assert {link["trace_id"] for link in dispatch["links"]} != {told.whole["trace_id"]}
    assert told.named("upload dataset")[0]["trace_id"] == told.whole["trace_id"]


@pytest.mark.parametrize("header", ["", "nonsense", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "x" * 10_000])
def test_a_header_that_is_no_trace_context_is_ignored(product: Product, header: str) -> None:
    room = product.new_room()
    token = product.stack.client_environment["SLEAP_RTC_TOKEN"]
    asked = {"room_id": room, "file_name": "a.zip", "size_bytes": 1, "part_size_bytes": 8 * 1024 * 1024}
    reply = urllib3.request(
        "POST",
        f"{product.stack.service_url}/api/request-upload",
        json=asked,
        headers={"Authorization": f"Bearer {token}", "traceparent": header},
    )
    assert reply.status == 201, reply.data


def test_an_upload_that_was_cut_and_gone_on_with_links_to_its_first_run(
    product: Product, package: Path
) -> None:
    room, service = product.new_room(), product.service
    settings = Settings(multipart_chunk_size=5 * 1024 * 1024)
    uploader = wiring.uploader(service, settings, lambda _: None)
    told: list[Span] = []

    def cut(progress: TransferProgress, /) -> None:
        if progress.done_bytes:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), tracing.begun(TRAIN_COMMAND, "client", told.append, {}):
        uploader.upload(package, room, JobRequest(), cut)
    with tracing.begun(TRAIN_COMMAND, "client", told.append, {}):
        sent = uploader.upload(package, room, JobRequest())
    first, second = (span for span in told if span.name == "upload dataset")
    assert first.attributes["error.type"] == "KeyboardInterrupt"
    assert (second.links, second.status) == ((first.link,), "unset")
    assert first.text("sleap_rtc.job.id") == second.text("sleap_rtc.job.id") == sent.job_id
    assert second.attributes["sleap_rtc.resumed"] == sent.resumed_bytes > 0
    eventually(lambda: [job.job_id for job in service.jobs(room)] == [sent.job_id])
    assert trace_id(service.jobs(room)[0].traceparent) == first.trace_id != second.trace_id
