"""Orchestration: what the upload of a 50 GB file costs in requests.

What the service asks of S3 for each step is counted by a proxy, with a file of one part; how often each step
is made follows from the part plan and the batches in which the client has parts signed.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

import urllib3
from billing import PRICES_OF, Billed, cost_usd, totals
from counting_proxy import CountingProxy
from figures import Figure, Report, Table
from quiet_service import quiet_service

from sleap_rtc.events.api import CompleteUpload, PartToSignView, RequestUpload, SentPartView, SignParts
from sleap_rtc.storage.checksum import crc64nvme, to_header
from sleap_rtc.storage.part_machine import LARGEST_BATCH
from sleap_rtc.storage.part_plan import SMALLEST_PART_BYTES, plan_parts

if TYPE_CHECKING:
    from pathlib import Path

    from quiet_service import QuietService

SIZE_BYTES = 50_000_000_000
_BODY = b"one part"
_CRC = to_header(crc64nvme(_BODY))
_AT_REST_S = 0.5


def upload_requests(folder: Path) -> Report:
    """Count the requests of each step, and add up those of a large file."""
    with ExitStack() as opened:
        proxies: list[CountingProxy] = []

        def way(store_url: str) -> str:
            proxies.append(opened.enter_context(CountingProxy(store_url)))
            return proxies[0].url

        service = opened.enter_context(quiet_service(folder, way))
        steps = _steps(service, proxies[0])
    plan = plan_parts(SIZE_BYTES)
    batches = math.ceil(plan.count / LARGEST_BATCH)
    times = {"open": 1, "sign a batch": batches, "send a part": plan.count, "complete": 1}
    whole: Counter[Billed] = Counter()
    for step, often in times.items():
        for billed, number in steps[step].items():
            whole[billed] += number * often
    asked_service = 1 + batches + 1
    asked_s3 = whole.total()
    cost = cost_usd(whole)
    least = cost_usd({Billed.S3_WRITE: plan.count + 2})
    peer = "a PUT for each part, and the two requests around them"
    rows = [
        (step, often, steps[step][Billed.S3_WRITE], steps[step][Billed.S3_READ], steps[step][Billed.S3_FREE])
        for step, often in times.items()
    ]
    return Report(
        [
            _shown("50 GB: parts", plan.count, "requests", "the limit of S3", plan.count / 10_000),
            _shown(
                "50 GB: requests to the service",
                asked_service,
                "requests",
                "parts",
                asked_service / plan.count,
            ),
            _shown("50 GB: requests to S3", asked_s3, "requests", peer, asked_s3 / (plan.count + 2)),
            _shown(f"50 GB: requests to S3, prices of {PRICES_OF}", cost, "US dollars", peer, cost / least),
        ],
        [
            Table(
                "Requests of S3 for each step",
                ("step", "times", "PUT, POST, LIST", "GET, HEAD", "DELETE"),
                rows,
            )
        ],
    )


def _steps(service: QuietService, proxy: CountingProxy) -> dict[str, Counter[Billed]]:
    """Make an upload of one part, and return what S3 was asked for in each step."""
    client = service.client
    _taken(proxy)
    upload_id = client.request_upload(
        RequestUpload(
            room_id=service.room_id,
            file_name="d.zip",
            size_bytes=len(_BODY),
            part_size_bytes=SMALLEST_PART_BYTES,
        )
    ).upload_id
    steps = {"open": _taken(proxy)}
    part = PartToSignView(number=1, length=len(_BODY), checksum=_CRC)
    url = client.sign_parts(upload_id, SignParts(parts=[part])).urls[1]
    steps["sign a batch"] = _taken(proxy)
    reply = urllib3.request("PUT", url, body=_BODY, headers={"x-amz-checksum-crc64nvme": _CRC})
    steps["send a part"] = _taken(proxy)
    sent = SentPartView(**dict(part), etag=reply.headers["ETag"])
    client.complete_upload(CompleteUpload(upload_id=upload_id, checksum=_CRC, parts=[sent]))
    steps["complete"] = _taken(proxy)
    return steps


def _taken(proxy: CountingProxy) -> Counter[Billed]:
    """Return what was asked for since the last time, once nothing more is."""
    found: Counter[Billed] = Counter()
    while True:
        time.sleep(_AT_REST_S)
        own, by_url = proxy.take()
        fresh = totals(own) + totals(by_url)
        if not fresh:
            return found
        found += fresh


def _shown(name: str, value: float, unit: str, peer: str, ratio: float) -> Figure:
    return Figure(name, value, unit, peer, ratio, None, holds=True)
