"""Messages that nobody should send, on the queues of the running product: refused, kept, counted, logged."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import urllib3
from support.product import eventually

if TYPE_CHECKING:
    from support.product import Product, Said

UPLOADS, ROOMS = "sleap-rtc-uploads", "sleap-rtc-rooms"
UPLOAD = "0123abcd-01J00000000000000000000000"


def notice(bucket: str, key: str, version: str = "2.1") -> str:
    found = {"bucket": {"name": bucket}, "object": {"key": key, "eTag": "e", "sequencer": "0A"}}
    record = {"eventVersion": version, "eventName": "ObjectCreated:Put", "s3": found}
    return json.dumps({"Records": [record]})


BAD = {
    "not_json": "hello {",
    "unknown_form": '["no", "notice"]',
    "unknown_version": notice(UPLOADS, f"uploads/0123abcd/{UPLOAD}/data", "3.0"),
    "foreign_bucket": notice("somebody-elses", f"uploads/0123abcd/{UPLOAD}/data"),
    "foreign_key": notice(UPLOADS, "etc/passwd"),
    "unknown_upload": notice(UPLOADS, f"uploads/0123abcd/{UPLOAD}/data"),
}


def send(product: Product, queue: str, body: str) -> None:
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=product.stack.engine_url)
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], MessageBody=body)


def operator(product: Product, *arguments: str) -> Said:
    return product.run("events", "dlq", *arguments, **product.stack.cloud_environment)


def letters(product: Product, queue: str) -> list[dict[str, Any]]:
    return list(operator(product, "ls", "--queue", queue, "--json").json())


def counted(product: Product, queue: str, reason: str) -> float:
    text = urllib3.request("GET", f"{product.stack.service_url}/metrics").data.decode()
    name = f'sleap_rtc_poison_messages_total{{queue="{queue}",reason="{reason}"}}'
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_notice_is_kept_counted_and_logged(product: Product, reason: str) -> None:
    send(product, "sleap-rtc-upload-events", BAD[reason])
    eventually(lambda: counted(product, "upload-events", reason) == 1)
    (letter,) = [one for one in letters(product, "sleap-rtc-upload-events") if one["code"] == reason]
    shown = operator(product, "show", letter["id"])
    assert (shown.status, reason in shown.out) == (0, True), shown.err
    assert f"({reason})" in (product.stack.folder / "log" / "service.log").read_text(encoding="utf-8")


def test_a_message_of_256_kib_is_kept_byte_for_byte(product: Product) -> None:
    body = random.Random(0).randbytes(131_072).hex()
    send(product, "sleap-rtc-model-events", body)
    eventually(lambda: counted(product, "model-events", "not_json") == 1)
    (letter,) = letters(product, "sleap-rtc-model-events")
    assert operator(product, "show", letter["id"], "--json").json()["body"] == body


def test_a_letter_that_is_sent_back_is_judged_again(product: Product) -> None:
    send(product, "sleap-rtc-model-events", notice(ROOMS, "x/models/y/model.json"))
    eventually(lambda: counted(product, "model-events", "foreign_key") == 1)
    (letter,) = [one for one in letters(product, "sleap-rtc-model-events") if one["code"] == "foreign_key"]
    assert operator(product, "redrive", letter["id"]).status == 0
    eventually(lambda: counted(product, "model-events", "foreign_key") == 2)


def test_the_queue_of_a_room_refuses_what_is_not_its_own(product: Product) -> None:
    room = product.new_room()
    worker = product.worker(room, "judge")
    job = {"v": 1, "room_id": "another", "job_id": "01J00000000000000000000000", "traceparent": ""}
    job["dataset"] = {"path": "s3://x/y", "size_bytes": 1, "checksum": "x"}
    for body in (json.dumps(job), json.dumps({**job, "room_id": room}), json.dumps({**job, "v": 9}), "{"):
        send(product, f"sleap-rtc-jobs-{room}", body)
    queue = f"sleap-rtc-jobs-{room}"
    eventually(lambda: len(letters(product, queue)) == 4)
    worker.stop()
    assert sorted(letter["code"] for letter in letters(product, queue)) == [
        "foreign_room",
        "not_json",
        "unknown_job",
        "unknown_version",
    ]
