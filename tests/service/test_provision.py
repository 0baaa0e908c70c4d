"""Queues that exist already get the attributes of this version."""

from __future__ import annotations

import json
import uuid

import boto3

from sleap_rtc.service.provision import ensure_queue
from sleap_rtc.service.topology import QueueSpec


def test_a_queue_of_an_earlier_version_gets_the_limits_of_this_one(engine_url: str) -> None:
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=engine_url)
    name = f"q-{uuid.uuid4().hex[:12]}"
    sqs.create_queue(QueueName=f"{name}-dlq", Attributes={"MaximumMessageSize": "262144"})
    sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "7"})
    ensure_queue(sqs, QueueSpec(name, visibility_s=30))

    def attributes(queue: str) -> dict[str, str]:
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return {str(attribute): value for attribute, value in found.items()}

    assert attributes(f"{name}-dlq")["MaximumMessageSize"] == "1048576"
    assert attributes(name)["MaximumMessageSize"] == "262144"
    assert json.loads(attributes(name)["RedrivePolicy"])["maxReceiveCount"] == 1000
