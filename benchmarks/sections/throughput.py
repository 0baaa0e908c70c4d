"""Orchestration: how many messages a second does the consumer settle, and with how much CPU?"""

from __future__ import annotations

import json
import statistics
import sys
import uuid
from pathlib import Path

import boto3
from figures import Figure, Report, Table
from processes import run

PROGRAMS = Path(__file__).parents[1] / "programs"
SLOTS = 10
# More than are settled, so that no side waits for a message at its end.
_SURPLUS = 40
_BODY = json.dumps({"Records": [{"eventVersion": "2.1", "s3": {"object": {"key": "k" * 700}}}]})
_OURS, _PLAIN, _BATCHED = "Consumer", "boto3 loop", "boto3 loop, deletes in batches"
_SIDES = {
    _OURS: ("consume.py",),
    _PLAIN: ("receive_delete.py",),
    _BATCHED: ("receive_delete.py", "batch"),
}


def throughput(engine_url: str, messages: int, rounds: int) -> Report:
    """Let each side settle so many messages, in turn."""
    wall_s: dict[str, list[float]] = {name: [] for name in _SIDES}
    cpu_s: dict[str, list[float]] = {name: [] for name in _SIDES}
    for _ in range(rounds):
        for name, (program, *more) in _SIDES.items():
            queue = _filled_queue(engine_url, messages + _SURPLUS)
            command = [sys.executable, str(PROGRAMS / program), str(messages), engine_url, queue, *more]
            wall, cpu = json.loads(run(command, {}).output)
            wall_s[name].append(wall)
            cpu_s[name].append(cpu)
            _delete(engine_url, queue)
    rate = {name: messages / statistics.median(found) for name, found in wall_s.items()}
    cpu = {name: statistics.median(found) / messages * 1_000 for name, found in cpu_s.items()}
    rows = [(name, rate[name], cpu[name]) for name in _SIDES]
    ratio, cpu_ratio = rate[_OURS] / rate[_PLAIN], cpu[_OURS] / cpu[_PLAIN]
    batched = rate[_OURS] / rate[_BATCHED]
    return Report(
        [
            Figure("events settled", rate[_OURS], "events/s", _PLAIN, ratio, 1.0, ratio >= 1.0),
            Figure("events settled (shown)", rate[_OURS], "events/s", _BATCHED, batched, None, holds=True),
            Figure("CPU per 1,000 events", cpu[_OURS], "CPU s", _PLAIN, cpu_ratio, None, holds=True),
        ],
        [
            Table(
                f"{messages} messages settled by one process, {SLOTS} slots, median of {rounds}",
                ("", "EVENTS/S", "CPU S PER 1,000"),
                rows,
            )
        ],
    )


def _filled_queue(engine_url: str, messages: int) -> str:
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=engine_url)
    name = f"bench-{uuid.uuid4().hex[:12]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    for start in range(0, messages, 10):
        numbers = range(start, min(start + 10, messages))
        sqs.send_message_batch(
            QueueUrl=url, Entries=[{"Id": str(number), "MessageBody": _BODY} for number in numbers]
        )
    return name


def _delete(engine_url: str, name: str) -> None:
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=engine_url)
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])
