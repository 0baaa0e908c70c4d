"""An instance of the service is replaced while an upload, a stream, a long poll and a peer talk to it."""

from __future__ import annotations

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
import urllib3
from support.fault_proxy import FaultProxy, First
from support.loop import in_loop_with_processes
from support.product import Product, eventually
from support.round_robin import RoundRobin
from support.signaling import LivePeer
from support.transfer_bench import noise
from websockets.asyncio.client import connect

from sleap_rtc.client.room_listener import RoomListener
from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.client.uploader import S3Uploader
from sleap_rtc.events.api import SubmitJob
from sleap_rtc.events.jobs import JobRequest
from sleap_rtc.local.child import Child
from sleap_rtc.storage.errors import Unreachable
from sleap_rtc.storage.part_plan import SMALLEST_PART_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from websockets.asyncio.client import ClientConnection

    from sleap_rtc.events.messages import RoomEvent
    from sleap_rtc.storage.progress import TransferProgress

OWNER = "local-user"
PART = SMALLEST_PART_BYTES
NOTICE_S = 3
SERVICE_RESTARTING = 1012


class Replaced:
    """Two instances behind a balancer; all that begins goes to the one that is to be replaced."""

    def __init__(self, product: Product, balancer: RoundRobin, old: Child, old_url: str) -> None:
        self.product = product
        self.balancer = balancer
        self.old = old
        self.old_url = old_url
        self.token = product.stack.issuer.token(OWNER)
        self.client = ServiceClient(balancer.url, self.token)

    def with_another(self) -> None:
        """Send requests to another instance, too."""
        url = self.product.stack.service_url
        self.balancer.add(url)
        eventually(lambda: self.balancer.looks_at(url))

    def gone(self) -> int:
        """Wait until the old instance is gone; return its exit status."""
        return self.old.wait()


@pytest.fixture
def replaced(product: Product) -> Iterator[Replaced]:
    old, old_url = product.stack.service("old", SLEAP_RTC_DRAIN_NOTICE_S=str(NOTICE_S))
    with RoundRobin(old_url) as balancer:
        yield Replaced(product, balancer, old, old_url)


class HeldUpload:
    """An upload of three parts, of which the later ones wait until `go_on` is set."""

    def __init__(self, client: ServiceClient, room: str, path: Path) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.path = path
        path.write_bytes(noise(2 * PART + 1000))
        self._uploader = S3Uploader(client, PART, 1)
        self._pool = ThreadPoolExecutor(1)
        self.done = self._pool.submit(self._uploader.upload, path, room, None, self._progress)
        assert self.begun.wait(60)

    def _progress(self, progress: TransferProgress) -> None:
        if progress.done_bytes >= PART:
            self.begun.set()
            assert self.go_on.wait(120)


def heard_until(listener: RoomListener, state: str) -> list[RoomEvent]:
    """Return what a listener hears until a job is in this state, over as many streams as it takes."""
    heard: list[RoomEvent] = []

    def arrived() -> bool:
        try:
            event = listener.next(0.1)
        except Unreachable:
            return False
        if event is not None:
            heard.append(event)
        return bool(heard) and heard[-1].state == state

    eventually(arrived, 120)
    return heard


def test_what_is_under_way_survives_the_replacement_of_the_instance_it_talked_to(
    replaced: Replaced, product: Product, small_package: Path, tmp_path: Path
) -> None:
    balancer, client, old_url = replaced.balancer, replaced.client, replaced.old_url
    room = client.create_room("Mice").room_id
    upload = HeldUpload(client, room, tmp_path / "recording.zip")
    package = S3Uploader(client, PART, 1).upload(small_package, room)
    listener = RoomListener(client, room, "")
    desktop = Child(
        "desktop",
        [sys.executable, "-m", "sleap_rtc.client", "worker", "-r", room, "--max-jobs", "1"],
        {
            **product.client_environment,
            "SLEAP_RTC_BACKEND_API_URL": balancer.url,
            "AWS_ACCESS_KEY_ID": "",
            "AWS_SECRET_ACCESS_KEY": "",
        },
        tmp_path / "desktop.log",
    )
    eventually(lambda: balancer.under_way(old_url, "/events") == 1)
    eventually(lambda: balancer.under_way(old_url, "/wakeups/receive") == 1)
    replaced.with_another()
    replaced.old.ask_to_end()
    assert replaced.gone() == 0
    client.submit_job(room, SubmitJob(upload_id=package.upload_id, job=JobRequest(), submission_id="a" * 26))
    told = heard_until(listener, "published")
    upload.go_on.set()
    sent = upload.done.result(60)
    listener.close()
    assert desktop.wait() == 0, desktop.last_words()
    uploads, _, key = sent.path.removeprefix("s3://").partition("/")
    assert product.objects(uploads).get(key).body == upload.path.read_bytes()
    assert len({event.id for event in told}) == len(told)
    assert [event.state for event in told if event.kind == "job"][-3:] == [
        "training",
        "uploading",
        "published",
    ]
    assert balancer.broken == []


async def registered_at(socket: ClientConnection, replaced: Replaced, room: str) -> LivePeer:
    peer = LivePeer(socket, f"{OWNER}#laptop", replaced.token)
    assert (await peer.register(room))["type"] == "registered_auth"
    return peer


@in_loop_with_processes
async def test_an_instance_that_leaves_says_so_first_and_its_peers_come_again_elsewhere(
    replaced: Replaced,
) -> None:
    room = (await asyncio.to_thread(replaced.client.create_room, "Mice")).room_id
    signaling_url = replaced.balancer.url.replace("http", "ws", 1) + "/ws"
    port = int(replaced.old_url.rpartition(":")[2])
    async with connect(signaling_url) as socket:
        peer = await registered_at(socket, replaced, room)
        with urllib3.HTTPConnectionPool("127.0.0.1", port, retries=False) as kept:
            assert kept.request("GET", "/readyz").status == HTTPStatus.OK
            await asyncio.to_thread(replaced.with_another)
            replaced.old.ask_to_end()
            leaving = lambda: kept.request("GET", "/readyz").status == HTTPStatus.SERVICE_UNAVAILABLE  # noqa: E731
            await asyncio.to_thread(eventually, leaving)
            served = await asyncio.to_thread(kept.request, "GET", "/healthz")
            assert (served.status, served.headers["Connection"]) == (HTTPStatus.OK, "close")
        assert await peer.closed_with() == SERVICE_RESTARTING
    assert await asyncio.to_thread(replaced.gone) == 0
    async with connect(signaling_url) as socket:
        await registered_at(socket, replaced, room)


def test_an_instance_whose_store_hangs_is_gone_all_the_same(product: Product) -> None:
    answers = threading.Event()
    with FaultProxy(product.stack.s3_url) as store:
        stuck, url = product.stack.service(
            "stuck", SLEAP_RTC_S3_ENDPOINT_URL=store.url, SLEAP_RTC_DRAIN_S="3"
        )
        store.script("GET", First(lambda: answers.wait(120)), times=1000)
        seen = len(store.lines)
        client = ServiceClient(url, product.stack.issuer.token(OWNER))
        ThreadPoolExecutor(1).submit(client.rooms)
        eventually(lambda: len(store.lines) > seen)
        stuck.ask_to_end()
        assert stuck.wait() == 1
        answers.set()
    assert "not done within drain_s" in stuck.log.read_text()
