"""Adapter: asks a service from outside whether it is there, without a token."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3

from sleap_rtc.client.environment_check import CheckFailed
from sleap_rtc.settings.environments import is_loopback
from sleap_rtc.storage.environment_proxy import connections_to
from sleap_rtc.storage.errors import Unreachable
from sleap_rtc.storage.http_transfer import socket_trouble

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_TIMEOUT = urllib3.Timeout(connect=10, read=30)


class ServiceAddress:
    """The address of a service."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._pool = connections_to(self.url, _TIMEOUT)

    def answers(self) -> str:
        """Say that the service lives there. Raises Unreachable, CheckFailed."""
        found = urlsplit(self.url)
        if found.scheme != "https" and not is_loopback(found.hostname or ""):
            raise CheckFailed(
                why=f"{self.url} is an address without TLS, so tokens would travel in the open.",
                advice="set backend_api_url to the https:// address of the environment",
            )
        reply = self._get("/healthz")
        if _word(reply) != "healthy":
            raise CheckFailed(
                why=f"{self.url}/healthz answers HTTP {reply.status}, but not as sleap-rtc does.",
                advice="look which target the balancer's listener and the DNS name lead to",
            )
        return f"{self.url} answers{' over TLS' if found.scheme == 'https' else ''}"

    def is_ready(self) -> str:
        """Say that the service reaches its store. Raises Unreachable, CheckFailed."""
        reply = self._get("/readyz")
        if _word(reply) != "ready":
            raise CheckFailed(
                why=f"/healthz is well, but /readyz answers HTTP {reply.status}: the service has no store.",
                advice="look into the service's log, and whether its role may list the rooms bucket",
            )
        return "/readyz says that the store answers"

    def has_metrics(self) -> str:
        """Say that metrics are given out, or kept from those outside. Raises Unreachable, CheckFailed."""
        reply = self._get("/metrics")
        if reply.status == HTTPStatus.FORBIDDEN:
            return "/metrics is for those within, and closed to everybody else"
        if reply.status != HTTPStatus.OK or b"# TYPE sleap_rtc_" not in reply.data:
            raise CheckFailed(
                why=f"/metrics answers HTTP {reply.status} and shows no metrics of sleap-rtc.",
                advice="look at the service's log; the balancer answers 403 to whoever is outside",
            )
        kinds = reply.data.count(b"# TYPE sleap_rtc_")
        return f"/metrics shows {kinds} kinds of metrics"

    def _get(self, path: str) -> BaseHTTPResponse:
        try:
            return self._pool.request("GET", self.url + path)
        except urllib3.exceptions.HTTPError as error:
            why = socket_trouble(self.url, error)
            raise Unreachable(where=f"The service at {self.url}", why=why) from error


def _word(reply: BaseHTTPResponse) -> str:
    try:
        return str(json.loads(reply.data)["status"])
    except (ValueError, KeyError, TypeError):
        return ""
