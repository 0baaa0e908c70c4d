"""Stands before an engine that enforces IAM and writes down who asked for what, and what he was answered.

The engine judges; here each request is judged once more, by `iam_policy`, so that the two can be compared and
the same requests judged again by other policies. One thing that S3 does and the engine does not is done here:
an object that is not there is a 403 to those who may not list it.
"""

from __future__ import annotations

import http.client
import threading
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from support.aws_request import HttpRequest, Signed, asked, looks_for, signed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.iam_policy import Asked, Policy

ACCOUNT_ID = "000000000000"
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_DENIED_CODES = (b"AccessDenied", b"AuthorizationError")
_S3_DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


@dataclass(frozen=True)
class Seen:
    """One request of somebody who has a role.

    `foreseen` is what `iam_policy` says of it, `allowed` what the engine did.
    """

    role: str
    asked: tuple[Asked, ...]
    foreseen: bool
    allowed: bool


class IamWitness:
    """Listens on a loopback port for as long as the context is open.

    Args:
        upstream: the engine.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.seen: list[Seen] = []
        self._roles: dict[str, tuple[str, Policy]] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.witness = self

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address to use in place of the engine's."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def knows(self, access_key: str, role: str, policy: Policy) -> None:
        """Say whose an access key is, and what he may do; no other requests are written down."""
        self._roles[access_key] = (role, policy)

    def of(self, role: str) -> set[Asked]:
        """Return what a role needed for what it was allowed, each thing once."""
        return {each for seen in self.seen if seen.role == role and seen.allowed for each in seen.asked}

    @property
    def denied(self) -> list[Seen]:
        """What was denied."""
        return [seen for seen in self.seen if not seen.allowed]

    def writes_down(self, by: Signed | None, wanted: list[Asked], *, allowed: bool) -> None:
        """Write a request down."""
        role, policy = self._roles.get(by.access_key, ("", None)) if by else ("", None)
        if policy is not None:
            foreseen = all(policy.allows(each) for each in wanted)
            with self._lock:
                self.seen.append(Seen(role, tuple(wanted), foreseen, allowed))

    def hides(self, by: Signed | None, look: Asked | None) -> bool:
        """Tell whether whoever asked for an object that is not there may not know that."""
        _, policy = self._roles.get(by.access_key, ("", None)) if by else ("", None)
        return policy is not None and look is not None and not policy.allows(look)


class _Server(ThreadingHTTPServer):
    witness: IamWitness
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away are none of the witness's business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = HttpRequest(self.command, self.path, headers, body)
        witness, by = self.server.witness, signed(request)
        wanted = asked(request, by, ACCOUNT_ID) if by else []
        status, heads, reply = self._ask_upstream(body)
        denied = status in {400, 403} and (self.command == "HEAD" or any(c in reply for c in _DENIED_CODES))
        if status == http.client.NOT_FOUND and by and by.service == "s3" and (look := looks_for(request)):
            wanted.append(look)
            if witness.hides(by, look):
                denied, status, heads, reply = True, 403, {"Content-Type": "application/xml"}, _S3_DENIED
        witness.writes_down(by, wanted, allowed=not denied)
        self._answer(status, heads, reply)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _ask_upstream(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        with closing(http.client.HTTPConnection(self.server.witness.upstream, timeout=60)) as upstream:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "expect":
                    upstream.putheader(name, value)
            upstream.endheaders(body)
            reply = upstream.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        kept = {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
        self.send_response_only(status)
        for name, value in {**kept, "Content-Length": length}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
