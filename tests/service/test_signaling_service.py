"""The signaling server as a part of a running service: a process of its own on a real store."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from support.desktop import ServiceLab
from support.loop import in_loop
from support.product import eventually
from support.signaling import LivePeer
from websockets.asyncio.client import connect

from sleap_rtc.live.signaling_messages import CloseCode
from sleap_rtc.local.engine import LOOPBACK, answers, free_port
from sleap_rtc.local.issuer import AUDIENCE, ISSUER
from sleap_rtc.storage.errors import ExitCode

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from support.product import Product

OWNER = "local-user"
TURN = {"SLEAP_RTC_STUN_URLS": "stun:a,stun:b", "SLEAP_RTC_TURN_URLS": "turn:c", "SLEAP_RTC_TURN_SECRET": "s"}


class Instance:
    """One more instance of the service, with settings of its own."""

    def __init__(self, product: Product, url: str, process: subprocess.Popen[str]) -> None:
        self.product = product
        self.url = url
        self.process = process

    def ask(self, method: str, path: str, subject: str = OWNER, url: str = "") -> tuple[int, Any]:
        """Ask for something; return status and body."""
        token = self.product.stack.issuer.token(subject)
        headers = {"Authorization": f"Bearer {token}"}
        reply = urllib3.request(method, (url or self.url) + path, headers=headers, retries=False)
        return reply.status, reply.json()


@contextmanager
def instance(product: Product, **environment: str) -> Iterator[Instance]:
    """Run an instance for as long as the context is open."""
    port = free_port()
    process = product.start(
        *("service", "--port", str(port)),
        **{
            **product.stack.cloud_environment,
            "SLEAP_RTC_JWKS_URL": product.stack.issuer.jwks_url,
            "SLEAP_RTC_ISSUER": ISSUER,
            "SLEAP_RTC_AUDIENCE": AUDIENCE,
            **environment,
        },
    )
    url = f"http://{LOOPBACK}:{port}"
    try:
        eventually(lambda: process.poll() is not None or answers(f"{url}/readyz"))
        assert process.poll() is None, process.communicate()
        yield Instance(product, url, process)
    finally:
        process.terminate()
        process.communicate(timeout=60)


async def member(product: Product, url: str, name: str) -> LivePeer:
    """Return somebody who is at a socket and in no room."""
    connection = await connect(url.replace("http://", "ws://"))
    return LivePeer(connection, f"{OWNER}#{name}", product.stack.issuer.token(OWNER))


@pytest.fixture(scope="module")
def second(product: Product) -> Iterator[Instance]:
    """Return a second instance, which has TURN servers."""
    with instance(product, **TURN) as service:
        yield service


@pytest.fixture
def lab(product: Product) -> ServiceLab:
    return ServiceLab(product)


@in_loop
async def test_members_find_each_other_at_the_services_own_port(product: Product, lab: ServiceLab) -> None:
    url = product.stack.service_url + "/ws"
    worker, client = await member(product, url, "gpu-1"), await member(product, url, "laptop")
    assert (await worker.register(lab.room_id, role="worker"))["type"] == "registered_auth"
    await client.register(lab.room_id)
    assert await client.discover(role="worker") == [f"{OWNER}#gpu-1"]
    for peer in (worker, client):
        await peer.connection.close()


def test_what_one_instance_opened_lets_peers_in_at_another(product: Product, second: Instance) -> None:
    first = urllib3.request("POST", product.stack.service_url + "/anonymous-signin").json()
    headers = {"Authorization": f"Bearer {first['id_token']}"}
    opened = urllib3.request("POST", second.url + "/create-room", headers=headers).json()

    async def register() -> dict[str, Any]:
        peer = LivePeer(await _socket(product.stack.service_url), first["username"], first["id_token"])
        async with peer.connection:
            return await peer.register(opened["room_id"], opened["token"])

    assert asyncio.run(register())["type"] == "registered_auth"


async def _socket(url: str) -> Any:
    return await connect(url.replace("http://", "ws://") + "/ws")


def test_an_anonymous_token_is_for_signaling_alone(product: Product) -> None:
    token = urllib3.request("POST", product.stack.service_url + "/anonymous-signin").json()["id_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert urllib3.request("GET", product.stack.service_url + "/api/rooms", headers=headers).status == 401


def test_the_existing_tools_ports_are_served_and_drained(product: Product, lab: ServiceLab) -> None:
    ws_port, http_port = free_port(), free_port()
    ports = {"SLEAP_RTC_SIGNALING_WS_PORT": str(ws_port), "SLEAP_RTC_SIGNALING_HTTP_PORT": str(http_port)}
    with instance(product, **ports) as service:
        legacy = f"http://{LOOPBACK}:{http_port}"
        assert service.ask("GET", "/health", url=legacy)[1]["status"] == "healthy"
        assert service.ask("GET", "/api/rooms", url=legacy)[0] == 404

        async def until_the_service_stops() -> set[int]:
            own = await member(product, service.url + "/ws", "1")
            old = await member(product, f"http://{LOOPBACK}:{ws_port}/", "2")
            for peer in (own, old):
                await peer.register(lab.room_id)
            assert await old.discover() == [own.peer_id]
            service.process.send_signal(signal.SIGTERM)
            return set(await asyncio.gather(own.closed_with(), old.closed_with()))

        assert asyncio.run(until_the_service_stops()) == {CloseCode.RESTART}
        assert service.process.wait(30) == -signal.SIGTERM or service.process.returncode == 0


def test_a_port_that_is_taken_is_said_in_a_sentence(product: Product) -> None:
    port = product.stack.service_url.rpartition(":")[2]
    cloud = product.stack.cloud_environment
    said = product.run("service", "--port", str(free_port()), **cloud, SLEAP_RTC_SIGNALING_WS_PORT=port)
    assert said.status == ExitCode.BAD_INPUT
    assert f"port {port} of the setting signaling_ws_port" in said.sentence


def test_ice_servers_are_for_members(lab: ServiceLab, second: Instance) -> None:
    path = f"/api/rooms/{lab.room_id}/ice-servers"
    status, (stun, turn) = second.ask("GET", path)
    assert (status, stun["urls"], turn["urls"]) == (200, ["stun:a", "stun:b"], ["turn:c"])
    assert turn["username"].endswith(f":{OWNER}")
    assert turn["credential"]
    assert second.ask("GET", path, "a stranger")[0] == 404


def test_a_member_makes_a_token_for_others(product: Product, lab: ServiceLab) -> None:
    lab.let_in("a reader", "reader")
    status, made = lab.answer("POST", "/signaling-token")
    assert (status, made["room_id"], len(made["token"])) == (201, lab.room_id, 6)
    assert lab.answer("POST", "/signaling-token", subject="a reader")[0] == 403
    assert lab.answer("POST", "/signaling-token", subject="a stranger")[0] == 404

    async def let_in() -> dict[str, Any]:
        token = product.stack.issuer.token("a stranger")
        peer = LivePeer(await _socket(product.stack.service_url), "a stranger", token)
        async with peer.connection:
            return await peer.register(lab.room_id, made["token"])

    assert asyncio.run(let_in())["type"] == "registered_auth"
    log = (product.stack.folder / "log" / "service.log").read_text(errors="replace")
    assert f"a peer joined the peers of room {lab.room_id}" in log
    assert made["token"] not in log
