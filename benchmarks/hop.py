"""Adapter: how long an engine itself takes to bring a message to somebody who waits for it."""

from __future__ import annotations

import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

_LONGEST_PAUSE_S = 0.2


def hops_s(engine_url: str, messages: int) -> list[float]:
    """Send messages at random moments of a long poll; return the seconds from sending to receipt."""
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=engine_url)
    url = sqs.create_queue(QueueName=f"hop-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    with ThreadPoolExecutor(1) as receiver:
        _hop_s(sqs, url, receiver)  # opens the connections
        found = [_hop_s(sqs, url, receiver) for _ in range(messages)]
    sqs.delete_queue(QueueUrl=url)
    return found


def _hop_s(sqs: SQSClient, url: str, receiver: ThreadPoolExecutor) -> float:
    def receive() -> float:
        messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
        received_s = time.perf_counter()
        sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
        return received_s

    waiting = receiver.submit(receive)
    time.sleep(random.uniform(_LONGEST_PAUSE_S / 2, _LONGEST_PAUSE_S))
    sent_s = time.perf_counter()
    sqs.send_message(QueueUrl=url, MessageBody="hop")
    return waiting.result() - sent_s
