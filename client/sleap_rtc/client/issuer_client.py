"""Adapter: the issuer of tokens over HTTP: what it offers, and tokens for codes, devices and renewals.

Small enough to be our own: the libraries for it refuse plain HTTP to this very machine unless a variable lets
it through to everywhere, or bring a cryptography library that the client does without.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode, urlsplit

import urllib3
from pydantic import BaseModel, Field, ValidationError

from sleap_rtc.client.sign_in_errors import SignInFailed
from sleap_rtc.storage.environment_proxy import connections_to
from sleap_rtc.storage.errors import Unreachable
from sleap_rtc.storage.http_transfer import socket_trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleap_rtc.events.sign_in_api import SignIn

M = TypeVar("M", bound=BaseModel)

_TIMEOUT = urllib3.Timeout(connect=5, read=30)


class Offers(BaseModel):
    """What an issuer offers (OpenID Connect Discovery 1.0); empty is what it does not."""

    issuer: str
    token_endpoint: str
    authorization_endpoint: str = ""
    device_authorization_endpoint: str = ""
    revocation_endpoint: str = ""


class Tokens(BaseModel):
    """What somebody gets who signed in (RFC 6749, 5.1)."""

    access_token: str = Field(repr=False, pattern=r"^[\x21-\x7e]+$")
    id_token: str = Field("", repr=False, pattern=r"^[\x21-\x7e]*$")
    refresh_token: str = Field("", repr=False)
    expires_in: float = Field(300, ge=0, allow_inf_nan=False)


class DeviceCodes(BaseModel):
    """What a device shows, and what it asks with (RFC 8628, 3.2); times in seconds."""

    device_code: str = Field(repr=False)
    user_code: str
    verification_uri: str
    verification_uri_complete: str = ""
    expires_in: float = Field(ge=0, allow_inf_nan=False)
    interval: float = Field(5, ge=0, allow_inf_nan=False)


class IssuerDeclined(Exception):
    """The issuer says no; `error` is the code of the RFC that it says it with."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


def offers_of(sign_in: SignIn) -> Offers:
    """Return what the issuer of a service offers.

    Raises:
        SignInFailed: it is not what the service says it is, or would have secrets sent in the clear.
        Unreachable: it does not answer.
    """
    url = _safe(sign_in.discovery_url)
    offers = _read(Offers, _send("GET", url), url)
    if offers.issuer != sign_in.issuer:
        raise SignInFailed(where=_host(url), why="it is another issuer than the service believes")
    for name, endpoint in offers.model_dump().items():
        if name != "issuer" and endpoint:
            _safe(endpoint)
    return offers


def tokens_for(token_endpoint: str, form: Mapping[str, str]) -> Tokens:
    """Redeem a code, a device's code or a renewal. Raises IssuerDeclined, Unreachable, SignInFailed."""
    return _read(Tokens, _send("POST", _safe(token_endpoint), form), token_endpoint)


def device_codes(endpoint: str, form: Mapping[str, str]) -> DeviceCodes:
    """Have a device sign in. Raises IssuerDeclined, Unreachable, SignInFailed."""
    return _read(DeviceCodes, _send("POST", _safe(endpoint), form), endpoint)


def revoke(endpoint: str, form: Mapping[str, str]) -> None:
    """Make a renewal worthless (RFC 7009). Raises IssuerDeclined, Unreachable, SignInFailed."""
    _send("POST", _safe(endpoint), form)


def _send(method: str, url: str, form: Mapping[str, str] | None = None) -> bytes:
    headers = {"Accept": "application/json"}
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        with connections_to(url, _TIMEOUT) as pool:
            reply = pool.request(method, url, body=urlencode(form) if form else None, headers=headers)
    except urllib3.exceptions.HTTPError as error:
        raise Unreachable(where=f"The issuer at {_host(url)}", why=socket_trouble(url, error)) from None
    if reply.status == HTTPStatus.OK:
        return reply.data
    said = _object(reply.data)
    if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR and isinstance(said.get("error"), str):
        raise IssuerDeclined(said["error"], str(said.get("error_description") or ""))
    raise Unreachable(where=f"The issuer at {_host(url)}", why=f"HTTP {reply.status}")


def _read(kind: type[M], body: bytes, url: str) -> M:
    try:
        return kind.model_validate_json(body)
    except ValidationError:
        # What came may have secrets in it.
        raise SignInFailed(where=_host(url), why="it answers, but not as an issuer of tokens does") from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _safe(url: str) -> str:
    """Return an address if what is sent there cannot be read on the way. Raises SignInFailed."""
    try:
        address = urlsplit(url)
        host = address.hostname or ""
    except ValueError:
        raise SignInFailed(where="its issuer", why="it has an address that is none") from None
    if not host or not (address.scheme == "https" or (address.scheme == "http" and _is_here(host))):
        why = "its address does not begin with https://, so that anybody could read what is sent there"
        raise SignInFailed(where=host or "its issuer", why=why)
    return url


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
