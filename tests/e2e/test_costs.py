"""What jobs cost, against an independent count: every request to S3 passes a proxy that notes it."""

from __future__ import annotations

import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from support.fault_proxy import FaultProxy
from support.product import Product, eventually

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.events.usage_reports import UsageReport
from sleap_rtc.local.child import Child
from sleap_rtc.local.stack import External
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.price_list import GB
from sleap_rtc.storage.price_table import LIST_PRICES
from sleap_rtc.storage.usage_keys import job_usage_prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROOMS = "sleap-rtc-rooms"
FAST = ("--set", "trainer_config.max_epochs=1")
LONG = ("--set", "trainer_config.max_epochs=100000")
METHOD = {
    "GetObject": "GET",
    "ListObjectsV2": "GET",
    "HeadObject": "HEAD",
    "PutObject": "PUT",
    "UploadPart": "PUT",
    "CreateMultipartUpload": "POST",
    "CompleteMultipartUpload": "POST",
    "DeleteObject": "DELETE",
    "AbortMultipartUpload": "DELETE",
}


@pytest.fixture(scope="module")
def counted(
    tmp_path_factory: pytest.TempPathFactory, engine_url: str
) -> Iterator[tuple[Product, FaultProxy]]:
    """Return a product whose store lies behind a proxy, and the proxy."""
    with FaultProxy(engine_url) as proxy:
        product = Product(tmp_path_factory.mktemp("counted"), External(engine_url, proxy.url))
        with product.stack:
            yield product, proxy


def requests_of(bill: dict[str, Any], *kinds: str) -> int:
    """Return how many requests of these kinds stand in a bill."""
    return sum(bill["usage"]["requests"].get(kind, 0) for kind in kinds)


def without_credentials(product: Product, room: str) -> Child:
    """Start a worker that has a token alone."""
    unset = [f"--unset={name}" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    command = ["env", *unset, sys.executable, "-m", "sleap_rtc.client", "worker", "--room-id", room]
    environment = {**product.client_environment, "AWS_EC2_METADATA_DISABLED": "true"}
    return Child("bare", command, environment, product.home / "bare.log")


def with_a_role(product: Product, room: str) -> Child:
    """Start a worker that has credentials for the store."""
    return product.worker(room)


def trained(product: Product, room: str, package: Path, child: Child) -> dict[str, Any]:
    """Have a job done by a worker, and return what `costs --json` says of it."""
    told = product.run("client-train", "-p", str(package), "-r", room, *FAST, "--json")
    assert told.status == 0, told.err
    service, job_id = product.service, product.job(room)["job_id"]
    eventually(lambda: service.job_costs(room, job_id, 0.2, 1.0).jobs[0].attempts[0].told == "told")
    child.stop()
    (job,) = product.run("costs", "-r", room, "--json").json()["jobs"]
    return dict(job)


@pytest.mark.parametrize("worker", [with_a_role, without_credentials])
def test_a_job_costs_what_was_counted_on_its_way(
    counted: tuple[Product, FaultProxy], package: Path, worker: Callable[[Product, str], Child]
) -> None:
    product, proxy = counted
    room = product.new_room()
    proxy.forget()
    job = trained(product, room, package, worker(product, room))
    bill, size, made = job["bill"], job["dataset_bytes"], job["made_bytes"]
    moved = Counter(bill["usage"]["bytes"])
    assert size == package.stat().st_size
    assert moved["upload.internet.dataset"] == moved["download.internet.dataset"] == size
    # The worker is a desktop, from which the client may have the model without S3.
    pulled = moved["download.internet.model"]
    assert moved["upload.internet.model"] == pulled + moved["download.peer.model"] == made > 0
    assert [attempt["told"] for attempt in job["attempts"]] == ["told"]
    assert job["client_told"]

    assert requests_of(bill, "s3.UploadPart") == proxy.count("PUT .*partNumber=")
    assert requests_of(bill, "s3.CreateMultipartUpload") == proxy.count(rf"POST .*{room}.*\?uploads")
    assert requests_of(bill, "s3.CompleteMultipartUpload") == proxy.count(rf"POST .*{room}.*\?uploadId=")
    assert bill["cost"]["egress"] == pytest.approx((size + pulled) / GB * LIST_PRICES.egress_gb)
    assert bill["total"] == pytest.approx(sum(bill["cost"].values()))
    assert job["relay"] == pytest.approx(0.2 * (size + made) / GB * LIST_PRICES.relay_gb)
    assert job["saving"] == pytest.approx(job["relay"] - bill["total"])
    assert job["saving"] < 0


def test_what_a_worker_tells_is_what_its_own_proxy_saw(
    counted: tuple[Product, FaultProxy], small_package: Path, engine_url: str
) -> None:
    product, _ = counted
    room = product.new_room()
    with FaultProxy(engine_url) as proxy:
        worker = product.worker(room, SLEAP_RTC_S3_ENDPOINT_URL=proxy.url)
        trained(product, room, small_package, worker)
        lines = list(proxy.lines)
    job_id = product.job(room)["job_id"]
    rooms = product.objects(ROOMS)
    (key,) = [info.key for info in rooms.list(job_usage_prefix(room, job_id)) if "worker-" in info.key]
    told = UsageReport.model_validate_json(rooms.get(key).body)
    # Up to its report, but for the look at the job's record that goes with that.
    last = next(place for place, line in enumerate(lines) if f"/{key}" in line)
    seen = Counter(line.partition(" ")[0] for line in lines[:last] if not line.endswith(" / HTTP/1.1"))
    used = told.usage + told.idle
    assert {kind.partition(".")[0] for kind in used.requests} == {"s3", "sqs", "sns"}
    by_method: Counter[str] = Counter({"GET": 1})
    for kind, count in used.requests.items():
        if kind.startswith("s3."):
            by_method[METHOD[kind.removeprefix("s3.")]] += count
    # The worker says that it is there, from another thread, just when a model is published.
    on_its_way = sum("/workers/" in line for line in lines[last - 3 : last])
    assert seen["PUT"] - on_its_way <= by_method["PUT"] <= seen["PUT"]
    assert {**by_method, "PUT": 0} == {**seen, "PUT": 0}


def test_a_worker_that_is_killed_is_shown_as_not_told_and_the_rest_stands(
    counted: tuple[Product, FaultProxy], small_package: Path
) -> None:
    product, _ = counted
    room = product.new_room()
    first = product.worker(room, "first")
    sent = product.run("client-train", "-p", str(small_package), "-r", room, *LONG, "--detach")
    assert sent.status == 0, sent.err
    product.wait_for_job(room, "training")
    first.kill()
    product.worker(room, "second")
    eventually(lambda: product.job(room)["attempt"] > 1)
    product.wait_for_job(room, "training")
    job_id = product.job(room)["job_id"]
    assert product.run("jobs", "cancel", job_id, "-r", room).status == 0
    service = product.service
    eventually(lambda: service.job_costs(room, job_id, 0.2, 1.0).jobs[0].attempts[-1].told == "told")
    costs = product.run("costs", "-r", room, "--json").json()
    assert costs["not_told"] == 1
    assert [attempt["told"] for attempt in costs["jobs"][0]["attempts"]] == ["not_told", "told"]
    printed = product.run("costs", "-r", room)
    assert "1 attempts of workers are not told of" in printed.out
    assert "attempt 1" in printed.out
    assert "USD more" in printed.out


def test_members_see_the_costs_and_strangers_no_room(counted: tuple[Product, FaultProxy]) -> None:
    product, _ = counted
    room = product.new_room()
    stranger = ServiceClient(product.stack.service_url, product.stack.issuer.token("a stranger"))
    assert product.service.room_costs(room, product.service.room(room).created_at, 0.2, 1.0).jobs == ()
    with pytest.raises(NotFound):
        stranger.room_costs(room, product.service.room(room).created_at, 0.2, 1.0)


def test_the_service_measures_what_it_costs_and_what_lies_in_the_buckets(
    counted: tuple[Product, FaultProxy],
) -> None:
    product, _ = counted
    told = urllib3.request("GET", f"{product.stack.service_url}/metrics").data.decode()
    found = dict(re.findall(r"^(sleap_rtc_(?:cost_usd_total|stored_bytes)\S+) (\S+)$", told, re.MULTILINE))
    for kind in ("s3_write", "s3_read", "sqs", "sns"):
        assert float(found[f'sleap_rtc_cost_usd_total{{kind="{kind}"}}']) > 0
    assert 'sleap_rtc_stored_bytes{bucket="rooms"}' in found
