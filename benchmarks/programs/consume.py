"""Orchestration: the product's consumer with a handler that does nothing: consume.py COUNT ENDPOINT QUEUE.

Settles so many messages and prints the wall and CPU seconds of that, without loading.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING

from sleap_rtc.events.consumer import Consumer
from sleap_rtc.events.outcome import Done
from sleap_rtc.events.sqs_queue import SqsQueue, sqs_client

if TYPE_CHECKING:
    from sleap_rtc.events.queue import Message

SLOTS = 10


async def consume(count: int, endpoint: str, name: str) -> None:
    """Consume until so many messages are handled and settled."""
    stop = asyncio.Event()
    left = count

    async def handle(_: Message) -> Done:
        nonlocal left
        left -= 1
        if left == 0:
            stop.set()
        return Done()

    async with sqs_client("us-east-1", endpoint) as client:
        queue = await SqsQueue.open(client, name)
        consumer = Consumer(queue, handle, slots=SLOTS, visibility_s=120, wait_s=1)
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        await consumer.run(stop)
        print(json.dumps([time.perf_counter() - wall_s, time.process_time() - cpu_s]))


asyncio.run(consume(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
