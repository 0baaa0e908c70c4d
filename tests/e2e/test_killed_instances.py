"""Two instances of the service behind a balancer, killed with -9 again and again while a lab uploads."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support.product import Product, eventually
from support.round_robin import RoundRobin
from support.transfer_bench import noise

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.client.uploader import S3Uploader
from sleap_rtc.local.stack import External
from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.part_plan import SMALLEST_PART_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sleap_rtc.client.uploader import Uploaded
    from sleap_rtc.local.child import Child

pytestmark = pytest.mark.faults
SEED = 20261128
UPLOADS = 100
CLIENTS = 4
FEWEST_KILLS = 3
# Between two kills the instances answer so many requests; an upload of two parts asks for about six.
BETWEEN = range(10, 30)


class Reaper:
    """Kills one of the instances at random, and starts another at its address, as a supervisor would."""

    def __init__(self, product: Product, balancer: RoundRobin, instances: dict[str, Child]) -> None:
        self._stack = product.stack
        self._balancer = balancer
        self._instances = instances
        self._chance = random.Random(SEED)
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._reap)
        self.kills = 0

    def __enter__(self) -> Reaper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    def _reap(self) -> None:
        while not self._enough.is_set():
            until = self._balancer.answered + self._chance.choice(BETWEEN)
            eventually(lambda until=until: self._enough.is_set() or self._balancer.answered >= until)  # type: ignore[misc]
            if self._enough.is_set():
                return
            url = self._chance.choice(sorted(self._instances))
            self._instances[url].kill()
            self.kills += 1
            name = f"after-kill-{self.kills}"
            self._instances[url], _ = self._stack.service(name, port=int(url.rpartition(":")[2]))
            eventually(lambda url=url: self._balancer.looks_at(url))  # type: ignore[misc]


def contents(number: int) -> bytes:
    """Return what is in a file: two parts, and a size of its own."""
    return noise(SMALLEST_PART_BYTES + 1 + number, number)


@pytest.fixture
def product(engine_url: str, seaweedfs_url: str, tmp_path: Path) -> Iterator[Product]:
    """Return a product on a store that looks at every signature and checksum."""
    product = Product(tmp_path, External(engine_url, seaweedfs_url))
    with product.stack:
        yield product


def test_of_100_uploads_100_complete_while_instances_are_killed(product: Product, tmp_path: Path) -> None:
    started = [product.stack.service(name) for name in ("one", "two")]
    instances = {url: child for child, url in started}
    token = product.stack.issuer.token("local-user")
    with RoundRobin(*instances) as balancer:
        room = ServiceClient(balancer.url, token).create_room("Mice").room_id
        clients = [ServiceClient(balancer.url, token) for _ in range(CLIENTS)]

        def upload(number: int) -> Uploaded:
            path = tmp_path / f"{number}.zip"
            path.write_bytes(contents(number))
            uploader = S3Uploader(clients[number % CLIENTS], SMALLEST_PART_BYTES, 2)
            return uploader.upload(path, room)

        with Reaper(product, balancer, instances) as reaper, ThreadPoolExecutor(CLIENTS) as lab:
            sent = list(lab.map(upload, range(UPLOADS)))
        listed = {status.upload_id: status for status in ServiceClient(balancer.url, token).uploads(room)}
    assert reaper.kills >= FEWEST_KILLS
    assert len({each.upload_id for each in sent}) == UPLOADS
    for number, each in enumerate(sent):
        checksum = to_text(crc64nvme(contents(number)))
        assert (each.parts, each.checksum) == (2, checksum)
        assert (listed[each.upload_id].state, listed[each.upload_id].checksum) == ("completed", checksum)
        bucket, _, key = each.path.removeprefix("s3://").partition("/")
        assert to_text(crc64nvme(product.objects(bucket).get(key).body)) == checksum
