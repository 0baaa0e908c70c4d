"""Adapter: boto3 in a plain loop: receive_delete.py COUNT ENDPOINT QUEUE [batch].

Settles so many messages: receives ten at a time and deletes each, or with `batch` all ten at once. Prints the
wall and CPU seconds of that, without loading.
"""

from __future__ import annotations

import json
import sys
import time

import boto3

count, endpoint, name = int(sys.argv[1]), sys.argv[2], sys.argv[3]
in_batches = sys.argv[4:] == ["batch"]
sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=endpoint)
url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
wall_s, cpu_s = time.perf_counter(), time.process_time()
while count > 0:
    messages = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        WaitTimeSeconds=1,
        VisibilityTimeout=120,
        MessageSystemAttributeNames=["ApproximateReceiveCount"],
    ).get("Messages", [])
    if in_batches and messages:
        sqs.delete_message_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ],
        )
    else:
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    count -= len(messages)
print(json.dumps([time.perf_counter() - wall_s, time.process_time() - cpu_s]))
