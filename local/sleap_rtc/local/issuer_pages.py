"""Adapter: the local issuer over HTTP, on loopback alone: what it offers, its pages, its tokens.

The pages ask for a name and no password, and say that they are for development.
"""

from __future__ import annotations

import html
import json
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from sleap_rtc.local.sign_in_desk import (
    CODE_GRANT,
    DEVICE_GRANT,
    DEVICE_HOLDS_S,
    INTERVAL_S,
    REFRESH_GRANT,
    Declined,
)

if TYPE_CHECKING:
    from sleap_rtc.local.issuer import LocalIssuer

_LARGEST_FORM_BYTES = 65_536
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>sleap-rtc: development sign-in</title>
<body style="font-family:sans-serif;max-width:36em;margin:3em auto">
<p style="background:#fc3;padding:.6em"><b>For development only.</b> This is the sign-in of a sleap-rtc stack
on this machine. It asks for no password and lets in anybody who can reach it.</p>
{body}</body></html>"""
_FORM = """<form method="post"><p>{what}</p>
<p><label>Name <input name="name" value="{user}"></label> {fields}<button>Sign in</button></p></form>"""


def serve_pages(issuer: LocalIssuer) -> ThreadingHTTPServer:
    """Start to serve an issuer's pages on a port that is free; return the server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(issuer))
    threading.Thread(target=server.serve_forever, args=(0.05,), name="issuer", daemon=True).start()
    return server


def offers(issuer: LocalIssuer) -> dict[str, Any]:
    """Return what the issuer offers (RFC 8414, OpenID Connect Discovery 1.0)."""
    url = issuer.url
    return {
        "issuer": issuer.name,
        "jwks_uri": f"{url}/.well-known/jwks.json",
        "authorization_endpoint": f"{url}/authorize",
        "device_authorization_endpoint": f"{url}/device_authorization",
        "token_endpoint": f"{url}/token",
        "revocation_endpoint": f"{url}/revoke",
        "response_types_supported": ["code"],
        "grant_types_supported": [CODE_GRANT, DEVICE_GRANT, REFRESH_GRANT],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile"],
    }


def _handler(issuer: LocalIssuer) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Pages(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            self._answer(self._get)

        def do_POST(self) -> None:
            self._answer(self._post)

        def _answer(self, handle: Any) -> None:
            # A page of somebody else that has his name point to this machine is not let through.
            if self.headers.get("Host", "").rpartition(":")[0] not in {"127.0.0.1", "localhost"}:
                return self._send(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"not here")
            address = urlsplit(self.path)
            try:
                with lock:
                    handle(address.path, dict(parse_qsl(address.query)))
            except Declined as declined:
                self._send_json({"error": declined.error}, HTTPStatus.BAD_REQUEST)

        def _get(self, path: str, query: dict[str, str]) -> None:
            match path:
                case "/.well-known/jwks.json":
                    self._send(HTTPStatus.OK, "application/json", issuer.published_keys)
                case "/.well-known/openid-configuration":
                    self._send_json(offers(issuer))
                case "/authorize":
                    issuer.desk.check_request(query)
                    self._send_page(self._form("sleap-rtc on this machine wants to sign in."))
                case "/device":
                    code = html.escape(query.get("user_code", ""))
                    field = f'<label>Code <input name="user_code" value="{code}"></label> '
                    self._send_page(self._form("Is this the code that your terminal shows?", field))
                case _:
                    self._send(HTTPStatus.NOT_FOUND, "text/plain", b"not found")

        def _post(self, path: str, query: dict[str, str]) -> None:
            form, now = self._sent(), time.monotonic()
            match path:
                case "/authorize":
                    code = issuer.desk.authorize(query, form.get("name", ""), now)
                    back = {"code": code, "state": query.get("state", ""), "iss": issuer.name}
                    self._send_to(f"{query['redirect_uri']}?{urlencode(back)}")
                case "/device_authorization":
                    device = issuer.desk.start_device(form, now)
                    page = f"{issuer.url}/device"
                    self._send_json(
                        {
                            "device_code": device.device_code,
                            "user_code": device.user_code,
                            "verification_uri": page,
                            "verification_uri_complete": f"{page}?user_code={device.user_code}",
                            "expires_in": int(DEVICE_HOLDS_S),
                            "interval": INTERVAL_S,
                        }
                    )
                case "/device":
                    issuer.desk.approve(form.get("user_code", ""), form.get("name", ""), now)
                    self._send_page("<p>You are signed in. You can close this window.</p>")
                case "/token":
                    name, renewal = issuer.desk.redeem(form, now)
                    self._send_json(issuer.signed_in(name, renewal))
                case "/revoke":
                    issuer.desk.revoke(form.get("token", ""))
                    self._send_json({})
                case _:
                    self._send(HTTPStatus.NOT_FOUND, "text/plain", b"not found")

        def _sent(self) -> dict[str, str]:
            length = self.headers.get("Content-Length", "0")
            if not length.isdigit() or int(length) > _LARGEST_FORM_BYTES:
                raise Declined("invalid_request")
            return dict(parse_qsl(self.rfile.read(int(length)).decode("utf-8", "replace")))

        def _form(self, what: str, fields: str = "") -> str:
            return _FORM.format(what=what, user=html.escape(issuer.user), fields=fields)

        def _send_page(self, body: str) -> None:
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", _PAGE.format(body=body).encode())

        def _send_json(self, content: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
            self._send(status, "application/json", json.dumps(content).encode())

        def _send_to(self, address: str) -> None:
            self.send_response(HTTPStatus.SEE_OTHER)
            self.send_header("Location", address)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Security-Policy", "frame-ancestors 'none'")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            del format, args

    return Pages
