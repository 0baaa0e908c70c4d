"""Limits for requests, at services that take few: one that counts by itself, two that count in one store."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import urllib3
from fakeredis import TcpFakeServer
from support.fault_proxy import FaultProxy, Reply

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.events.service_http import wait_s
from sleap_rtc.local.engine import LOOPBACK, free_port
from sleap_rtc.service.errors import TooManyRequests
from sleap_rtc.service.rate_limits import RateLimits
from sleap_rtc.storage.errors import InputError, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.product import Product

OF_USER, OF_ROOM = 25, 12


@dataclass(frozen=True)
class Somebody:
    """Somebody who calls a service."""

    url: str
    token: str

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": f"Bearer {self.token}"}
        return urllib3.request("GET", f"{self.url}/api{path}", headers=headers, retries=False)

    def asks_until_refused(self, path: str, at_most: int) -> urllib3.BaseHTTPResponse:
        for _ in range(at_most):
            reply = self.get(path)
            if reply.status == 429:
                return reply
        raise AssertionError(f"{at_most} requests were taken")


@pytest.fixture(scope="module")
def strict(product: Product) -> Iterator[str]:
    """A service that takes few requests."""
    child, url = product.stack.service(
        "strict",
        SLEAP_RTC_USER_REQUESTS_PER_MINUTE=str(OF_USER),
        SLEAP_RTC_ROOM_REQUESTS_PER_MINUTE=str(OF_ROOM),
    )
    yield url
    child.stop()
    product.stack.children.remove(child)


@pytest.fixture(scope="module")
def store() -> Iterator[TcpFakeServer]:
    """A Redis."""
    server = TcpFakeServer((LOOPBACK, free_port()), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def store_url(store: TcpFakeServer) -> str:
    return "redis://{}:{}/0".format(*store.server_address[:2])


def token(product: Product, subject: str) -> str:
    return product.stack.issuer.token(subject)


def test_a_person_is_told_when_to_come_back_and_others_are_not_held_up(product: Product, strict: str) -> None:
    greedy = Somebody(strict, token(product, "greedy"))
    first = greedy.get("/rooms")
    assert first.headers["RateLimit-Policy"] == f'"user";q={OF_USER};w=60'
    assert re.fullmatch(rf'"user";r={OF_USER - 1};t=\d+', first.headers["RateLimit"])
    refused = greedy.asks_until_refused("/rooms", OF_USER)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["code"] == "too_many_requests"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert f"{OF_USER} requests of yours" in refused.json()["detail"]
    assert '"user";r=0' in refused.headers["RateLimit"]
    assert Somebody(strict, token(product, "modest")).get("/rooms").status == 200


def test_a_room_has_a_limit_of_its_own_that_strangers_cannot_use_up(product: Product, strict: str) -> None:
    room = product.new_room()
    stranger = Somebody(strict, token(product, "a stranger"))
    assert {stranger.get(f"/rooms/{room}").status for _ in range(OF_ROOM + 2)} == {404}
    member = Somebody(strict, token(product, "local-user"))
    seen = member.get(f"/rooms/{room}")
    assert f'"room";q={OF_ROOM};w=60' in seen.headers["RateLimit-Policy"]
    assert "for this room" in member.asks_until_refused(f"/rooms/{room}", OF_ROOM).json()["detail"]
    assert member.get("/rooms").status == 200


def test_instances_count_together_in_a_store_and_apart_while_it_is_away(
    product: Product, caplog: pytest.LogCaptureFixture, store: TcpFakeServer
) -> None:
    one, other = (RateLimits(store_url(store), {"user": 4}) for _ in range(2))
    for limits in (one, other, one, other):
        limits.spend("user", "ada")
    with pytest.raises(TooManyRequests) as refused:
        other.spend("user", "ada")
    assert 1 <= refused.value.retry_after_s <= 60
    away = RateLimits(f"redis://{LOOPBACK}:{free_port()}/0", {"user": 2})
    away.spend("user", "ada")
    away.spend("user", "ada")
    with pytest.raises(TooManyRequests):
        away.spend("user", "ada")
    assert caplog.text.count("no answer from the store of the rate limits") == 1


def test_a_service_whose_store_is_away_answers(product: Product) -> None:
    child, url = product.stack.service(
        "without-store", SLEAP_RTC_RATE_LIMIT_STORE=f"redis://:secret@{LOOPBACK}:{free_port()}/0"
    )
    try:
        assert Somebody(url, token(product, "ada")).get("/rooms").status == 200
        log = (product.stack.folder / "log" / "without-store.log").read_text("utf-8")
        assert "no answer from the store of the rate limits" in log
        assert "secret" not in log
    finally:
        child.stop()
        product.stack.children.remove(child)


def test_a_store_of_no_known_kind_is_an_error() -> None:
    with pytest.raises(InputError, match="of the kind 'carrier'"):
        RateLimits("carrier://pigeon:secret@x", {"user": 1})


def test_a_limit_of_zero_is_none() -> None:
    limits = RateLimits("", {"user": 0, "room": 0})
    for _ in range(100):
        limits.spend("user", "ada")


def test_a_client_waits_as_it_is_told_and_goes_on(product: Product) -> None:
    room = product.new_room()
    with FaultProxy(product.stack.service_url) as proxy:
        client = ServiceClient(proxy.url, token(product, "local-user"))
        busy = Reply(429, b"{}", {"Retry-After": "0"})
        proxy.script("GET .*", *[busy] * 6)
        assert client.room(room).room_id == room
        assert proxy.count("GET .*") == 7
        proxy.script("GET .*", busy, times=20)
        with pytest.raises(Refused):
            client.room(room)


@pytest.mark.parametrize(("told", "waited"), [("7", 7.0), ("3600", 60.0), ("", 1.0), ("soon", 1.0)])
def test_it_waits_so_long_and_never_longer_than_a_minute(told: str, waited: float) -> None:
    assert wait_s({"Retry-After": told}) == waited
