"""Adapter: requests to the service, and the errors that its answers stand for.

Shared by whoever asks the service for something: the client for all that it does, a worker without
credentials for the URL of a dataset. Every request that did not get an answer is tried again a few times; an
answer that is a problem becomes the error it names. Who asked too often waits as long as he is told to. What
is sent again has the same idempotency key, so that it is done once.
"""

from __future__ import annotations

import json
import secrets
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import urllib3
from pydantic import BaseModel, TypeAdapter, ValidationError

from sleap_rtc.events import tracing
from sleap_rtc.events.problem_fields import error_of
from sleap_rtc.events.span_table import REQUEST
from sleap_rtc.events.traced_routes import HEADER, traced_route
from sleap_rtc.storage.environment_proxy import connections_to
from sleap_rtc.storage.errors import (
    InputError,
    IntegrityError,
    NotFound,
    ObjectChanged,
    Refused,
    SleapRtcError,
    Unreachable,
)
from sleap_rtc.storage.http_transfer import socket_trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from datetime import datetime

M = TypeVar("M", bound=BaseModel)

TRIES = 4
_PAUSE_S = 0.5
# Whoever asked for too much waits as long as he is told to, so often.
_MOST_WAITS = 10
_LONGEST_WAIT_S = 60.0
_SILENCE_S = 30.0
# Threads of one process that may ask at once without opening connections for one request each.
_CONNECTIONS = 8
_TIMEOUT = urllib3.Timeout(connect=5, read=60)
# What a load balancer says of a service that is being replaced.
_AWAY = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
_BY_CODE: dict[tuple[int, str], type[SleapRtcError]] = {
    (HTTPStatus.NOT_FOUND, "not_found"): NotFound,
    (HTTPStatus.NOT_FOUND, "model_file_gone"): NotFound,
    # The service is there; it is the store behind it that does not answer.
    (HTTPStatus.SERVICE_UNAVAILABLE, "unreachable"): Unreachable,
    (HTTPStatus.CONFLICT, "object_changed"): ObjectChanged,
    (HTTPStatus.CONFLICT, "integrity_error"): IntegrityError,
}


class ServiceProblem(SleapRtcError):
    """The service could not do it: {detail}"""

    detail: str


class ServiceHttp:
    """Requests to the service at one address with one token, or with whatever token holds at the moment.

    Every method may raise Unreachable, Refused, and the error that the service names.
    """

    def __init__(self, url: str, token: str | Callable[[], str]) -> None:
        self.url = url.rstrip("/")
        if urlsplit(self.url).scheme not in {"http", "https"}:
            raise InputError(message=f"{url!r} is not the address of a service (backend_api_url).")
        self._token = token
        self._pool = connections_to(self.url, _TIMEOUT, _CONNECTIONS)

    def ask(
        self, method: str, path: str, kind: type[M], body: BaseModel | None = None, tries: int = TRIES
    ) -> M:
        """Send a request and return the answer.

        Args:
            method: of HTTP.
            path: at the service.
            kind: of the answer.
            body: what to send.
            tries: how often to send it while there is no answer; the pause grows by half a second each time.
        """
        try:
            return kind.model_validate_json(self._send(method, path, body, tries))
        except ValidationError as error:
            raise self._not_ours() from error

    def ask_list(self, path: str, kind: type[M]) -> list[M]:
        """Get a list."""
        try:
            return TypeAdapter(list[kind]).validate_json(self._send("GET", path, None, TRIES))  # type: ignore[valid-type] # a type built at run time
        except ValidationError as error:
            raise self._not_ours() from error

    def read(self, path: str) -> bytes:
        """Get bytes that are no JSON."""
        return self._send("GET", path, None, TRIES)

    def time(self) -> datetime | None:
        """Return what time it is where the service runs, to the second; None if it does not say.

        Raises:
            Unreachable: nobody answers, or somebody else does.
        """
        reply = self._reply("GET", "/healthz", None, TRIES)
        if b'"healthy"' not in reply.data:
            raise self._not_ours()
        try:
            return parsedate_to_datetime(reply.headers.get("Date", ""))
        except ValueError:
            return None

    def stream(self, path: str, headers: Mapping[str, str]) -> Generator[str]:
        """Yield the lines of a stream until it is cut or falls silent for half a minute."""
        url = self.url + path
        timeout = urllib3.Timeout(connect=5, read=_SILENCE_S)
        try:
            reply = self._pool.request(
                "GET",
                url,
                headers={**self._authorization(), **headers},
                preload_content=False,
                timeout=timeout,
            )
            try:
                if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
                    time.sleep(wait_s(reply.headers))
                    raise Unreachable(where=f"The service at {self.url}", why="it was asked too often")
                if reply.status != HTTPStatus.OK:
                    raise _problem(reply.status, reply.read())
                for line in reply:
                    yield line.decode("utf-8", "replace").rstrip("\r\n")
            finally:
                reply.close()
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(where=f"The service at {self.url}", why=socket_trouble(url, error)) from error

    def _authorization(self) -> dict[str, str]:
        token = self._token if isinstance(self._token, str) else self._token()
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _not_ours(self) -> Unreachable:
        return Unreachable(where=f"The service at {self.url}", why="it answers, but not as sleap-rtc does")

    def _send(self, method: str, path: str, body: BaseModel | None, tries: int) -> bytes:
        route = traced_route(method, path)
        if route is None:
            return self._reply(method, path, body, tries).data
        asked = {"http.request.method": method, "http.route": route}
        with tracing.child(REQUEST, asked, title=f"{method} {route}") as span:
            reply = self._reply(method, path, body, tries)
            if span:
                span.note({"http.response.status_code": reply.status})
            return reply.data

    def _reply(self, method: str, path: str, body: BaseModel | None, tries: int) -> urllib3.BaseHTTPResponse:
        content = body.model_dump_json().encode() if body else None
        headers = {**self._authorization(), "Content-Type": "application/json"}
        if traceparent := tracing.current_traceparent():
            headers[HEADER] = traceparent
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(16)
        for attempt in range(1, tries + 1):
            try:
                reply = self._taken(method, self.url + path, content, headers)
            except urllib3.exceptions.HTTPError as error:
                if attempt == tries:
                    why = socket_trouble(self.url, error)
                    raise Unreachable(where=f"The service at {self.url}", why=why) from error
            else:
                if reply.status < HTTPStatus.BAD_REQUEST:
                    return reply
                if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR or attempt == tries:
                    problem = _problem(reply.status, reply.data)
                    if reply.status in _AWAY and not isinstance(problem, Unreachable):
                        raise Unreachable(where=f"The service at {self.url}", why=f"HTTP {reply.status}")
                    raise problem
            time.sleep(_PAUSE_S * attempt)
        raise AssertionError("unreachable")

    def _taken(
        self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        """Send a request, and again after a wait where there were too many; that uses up no try."""
        for _ in range(_MOST_WAITS):
            reply = self._pool.request(method, url, body=content, headers=headers)
            if reply.status != HTTPStatus.TOO_MANY_REQUESTS:
                break
            time.sleep(wait_s(reply.headers))
        return reply


def wait_s(headers: Mapping[str, str]) -> float:
    """Return how long to wait before asking again, in seconds, by the Retry-After of an answer."""
    told = headers.get("Retry-After", "")
    return min(_LONGEST_WAIT_S, float(told)) if told.isdecimal() else 1.0


def _problem(status: int, body: bytes) -> SleapRtcError:
    try:
        problem: dict[str, Any] = json.loads(body)
        detail = str(problem["detail"])
        code = str(problem.get("code", ""))
        whole = error_of(code, problem.get("fields"))
    except (ValueError, KeyError, TypeError):
        detail, code, whole = f"HTTP {status}", "", None
    if whole is not None:
        return whole
    kind = _BY_CODE.get((status, code))
    if kind is not None:
        return _Told(kind, detail)
    if status in {HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}:
        return _Told(Refused, detail)
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
        return InputError(message=detail)
    return ServiceProblem(detail=detail)


def _Told(kind: type[SleapRtcError], detail: str) -> SleapRtcError:  # noqa: N802 - stands where a class would
    """Return an error of this kind with the words of the service."""
    error = kind.__new__(kind)
    Exception.__init__(error, detail)
    return error
