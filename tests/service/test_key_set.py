"""The issuer's keys: a real server publishes them, counts how often it is asked, and is down or slow."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support.jwks_server import JwksServer, new_key, published
from support.product import eventually

from sleap_rtc.service.key_set import FRESH_S, KEPT_S, REFETCH_S, RETRY_S, KeySet, KeysUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST, SECOND = new_key(), new_key()


class Clock:
    """Seconds that go forward when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Iterator[JwksServer]:
    with JwksServer(published(FIRST, "first")) as server:
        yield server


@pytest.fixture
def keys(server: JwksServer, clock: Clock) -> KeySet:
    return KeySet(server.url, clock)


def test_a_flood_of_unknown_key_ids_costs_one_fetch_in_five_minutes(
    server: JwksServer, keys: KeySet, clock: Clock
) -> None:
    assert keys.key("first")
    for minute in range(20):
        clock.now = 1000.0 + 60 * minute
        with ThreadPoolExecutor(8) as pool:
            assert not any(pool.map(keys.key, [f"made-up-{minute}-{number}" for number in range(100)]))
    # At 0, 5, 10 and 15 minutes; 2,000 were asked for.
    assert server.fetches == 4


def test_a_flood_while_there_are_no_keys_costs_little_too(
    server: JwksServer, keys: KeySet, clock: Clock
) -> None:
    server.status = 500
    for _ in range(100):
        with pytest.raises(KeysUnavailable):
            keys.key("made-up")
    assert server.fetches == 1
    clock.now += RETRY_S
    server.status = 200
    assert keys.key("first")


def test_a_key_that_the_issuer_turns_to_is_known(server: JwksServer, keys: KeySet, clock: Clock) -> None:
    assert keys.key("first")
    server.publish(published(FIRST, "first"), published(SECOND, "second"))
    assert keys.key("second") is None
    clock.now += REFETCH_S
    assert keys.key("second")
    assert server.fetches == 2


def test_a_key_that_the_issuer_gives_up_is_not_known_for_long(
    server: JwksServer, keys: KeySet, clock: Clock
) -> None:
    assert keys.key("first")
    server.publish(published(SECOND, "second"))
    clock.now += FRESH_S + 1
    keys.key("first")
    eventually(lambda: keys.key("first") is None)
    assert keys.key("second")


@pytest.mark.parametrize("status", [500, 404, 302])
def test_while_the_issuer_is_down_the_keys_hold_for_a_day(
    server: JwksServer, keys: KeySet, clock: Clock, status: int
) -> None:
    assert keys.key("first")
    server.status = status
    for _ in range(20):
        clock.now += KEPT_S / 20 - 1
        assert keys.key("first")
    clock.now += 40
    with pytest.raises(KeysUnavailable):
        keys.key("first")


def test_nobody_answers_at_all(clock: Clock) -> None:
    with JwksServer() as gone:
        url = gone.url
    with pytest.raises(KeysUnavailable):
        KeySet(url, clock).key("first")


def test_whoever_has_a_known_key_never_waits_for_a_slow_issuer(
    server: JwksServer, keys: KeySet, clock: Clock
) -> None:
    assert keys.key("first")
    server.open_door.clear()
    server.asked.clear()
    clock.now += FRESH_S + 1
    assert keys.key("first")
    assert server.asked.wait(10)  # the fetch is under way, and stands still
    assert all(keys.key("first") for _ in range(100))
    assert server.fetches == 2


def test_a_few_wait_for_a_slow_issuer_and_the_others_are_told_at_once(
    server: JwksServer, keys: KeySet, clock: Clock
) -> None:
    assert keys.key("first")
    server.publish(published(SECOND, "second"))
    server.open_door.clear()
    clock.now += REFETCH_S
    told = threading.Semaphore(0)

    def ask(_: int) -> bool:
        try:
            return keys.key("second") is not None
        except KeysUnavailable:
            told.release()
            return False

    with ThreadPoolExecutor(20) as pool:
        answers = pool.map(ask, range(20))
        for _ in range(12):  # those who found eight waiting
            assert told.acquire(timeout=10)
        server.open_door.set()
        assert sorted(answers) == [False] * 12 + [True] * 8


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'{"keys": 1}',
        b'{"keys": [1, {}, {"kty": "RSA", "kid": "first"}]}',
        b"[" * 100_000,
        b'{"keys": []}' + b" " * 300_000,
    ],
)
def test_an_answer_that_is_none_is_as_good_as_no_answer(
    server: JwksServer, clock: Clock, body: bytes
) -> None:
    good = server.body
    server.body = body
    keys = KeySet(server.url, clock)
    with pytest.raises(KeysUnavailable):
        keys.key("first")
    server.body = good
    clock.now += RETRY_S
    assert keys.key("first")
    server.body = body
    clock.now += FRESH_S + 1
    assert keys.key("first")


@pytest.mark.parametrize(
    "key",
    [
        published(FIRST, "odd", use="enc"),
        published(FIRST, "odd", alg="RS512"),
        published(FIRST, "odd", alg="PS256"),
        published(new_key(1024), "odd"),
        {"kty": "oct", "kid": "odd", "k": "c2VjcmV0", "alg": "HS256"},
        {"kty": "EC", "kid": "odd", "crv": "P-256", "x": "AA", "y": "AA"},
    ],
    ids=["for encryption", "RS512", "PS256", "short", "symmetric", "elliptic"],
)
def test_a_key_that_is_not_for_rs256_is_left_out(clock: Clock, key: dict[str, str]) -> None:
    with JwksServer(published(FIRST, "first"), key) as server:
        keys = KeySet(server.url, clock)
        assert keys.key("first")
        assert keys.key("odd") is None
