"""Adapter: the keys that the issuer publishes (RFC 7517), kept, and fetched as seldom as can be.

A key that is known is never waited for: keys that are an hour old are fetched anew beside the request, and
hold for a day while nobody answers. A key id that is not known may cost a fetch, but one in five minutes for
all callers together, so that made-up ids do not turn this service against the issuer.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import urllib3

from sleap_rtc.storage.environment_proxy import connections_to
from sleap_rtc.storage.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jwt import PyJWK

log = logging.getLogger(__name__)

FRESH_S = 3600.0
"""Keys are fetched anew when they are older, in seconds."""
KEPT_S = 86_400.0
"""Keys that cannot be fetched anew hold for so long, in seconds."""
REFETCH_S = 300.0
"""Between two fetches while keys are kept, in seconds."""
RETRY_S = 10.0
"""Between two fetches while there are none, in seconds."""
_WITHIN_S = 5.0
_SOCKET_S = 3.0
_LARGEST_BYTES = 262_144
# Each holds a thread of the service for up to five seconds.
_MOST_WAITING = 8
_SMALLEST_KEY_BITS = 2048


class KeysUnavailable(Unreachable):
    """The service cannot check who is calling at the moment: the token issuer does not answer. Try again in
    a minute."""


class KeySet:
    """The signing keys of one issuer.

    Args:
        url: where it publishes them.
        clock: seconds that only go forward.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting = threading.BoundedSemaphore(_MOST_WAITING)
        self._keys: Mapping[str, PyJWK] = {}
        self._fetched_at = 0.0
        self._tried_at: float | None = None
        self._fetching: threading.Event | None = None

    def key(self, key_id: str) -> PyJWK | None:
        """Return the key of this id, None if the issuer has none such.

        Raises:
            KeysUnavailable: that cannot be told at the moment.
        """
        with self._lock:
            kept, found = self._kept(), self._kept().get(key_id)
            stale = self._clock() - self._fetched_at > FRESH_S
            if (found is None or stale) and self._may_fetch(bool(kept)):
                self._start()
            fetching = self._fetching
        if found is not None:
            return found
        if fetching is not None:
            self._wait(fetching)
            with self._lock:
                kept = self._kept()
        elif kept:
            return None
        if not kept:
            raise KeysUnavailable
        return kept.get(key_id)

    def _kept(self) -> Mapping[str, PyJWK]:
        return self._keys if self._clock() - self._fetched_at <= KEPT_S else {}

    def _may_fetch(self, keys_are_kept: bool) -> bool:
        pause_s = REFETCH_S if keys_are_kept else RETRY_S
        rested = self._tried_at is None or self._clock() - self._tried_at >= pause_s
        return self._fetching is None and rested

    def _wait(self, fetching: threading.Event) -> None:
        if not self._waiting.acquire(blocking=False):
            raise KeysUnavailable
        try:
            fetching.wait(_WITHIN_S)
        finally:
            self._waiting.release()

    def _start(self) -> None:
        self._tried_at = self._clock()
        self._fetching = threading.Event()
        threading.Thread(target=self._fetch, args=(self._fetching,), name="jwks", daemon=True).start()

    def _fetch(self, done: threading.Event) -> None:
        keys: Mapping[str, PyJWK] = {}
        try:
            keys = _usable(_published(self._url))
            if not keys:
                log.error("the token issuer publishes no key that could sign (jwks_url)")
        except (urllib3.exceptions.HTTPError, ValueError, RecursionError) as error:
            log.error("the token issuer's keys cannot be had (jwks_url): %s", error)
        finally:
            with self._lock:
                if keys:
                    self._keys, self._fetched_at = keys, self._clock()
                self._fetching = None
            done.set()


def _published(url: str) -> Any:
    if not url:
        raise ValueError("it is not set")
    deadline = time.monotonic() + _WITHIN_S
    with connections_to(url, timeout=urllib3.Timeout(_SOCKET_S)) as pool:
        reply = pool.request("GET", url, headers={"Accept": "application/json"}, preload_content=False)
        try:
            if reply.status != HTTPStatus.OK:
                raise ValueError(f"HTTP {reply.status}")
            body = b""
            while piece := reply.read1(_LARGEST_BYTES):
                body += piece
                if len(body) > _LARGEST_BYTES or time.monotonic() > deadline:
                    raise ValueError("the answer is too long, or takes too long")
        finally:
            reply.close()
    return json.loads(body)


def _usable(published: Any) -> dict[str, PyJWK]:
    import jwt

    keys = published.get("keys") if isinstance(published, dict) else None
    found = {}
    for key in keys if isinstance(keys, list) else []:
        try:
            if key["kty"] != "RSA" or key.get("use", "sig") != "sig" or key.get("alg", "RS256") != "RS256":
                continue
            made = jwt.PyJWK(key, algorithm="RS256")
            if made.key.key_size >= _SMALLEST_KEY_BITS:
                found[str(key["kid"])] = made
        except (jwt.PyJWTError, AttributeError, KeyError, TypeError, ValueError):
            log.warning("the token issuer publishes a key that cannot be read")
    return found
