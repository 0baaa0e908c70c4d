"""Pure: what the local issuer remembers of those who sign in: codes, devices, and what renews a token.

The grants of RFC 6749 (4.1, 6) with PKCE (RFC 7636), and that of RFC 8628. `now` is in seconds; a grant is
good once. Whoever asks is let in: there are no passwords, which is why it serves a development stack alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

CODE_GRANT = "authorization_code"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
REFRESH_GRANT = "refresh_token"
INTERVAL_S = 1
"""A device is to ask no more often, in seconds."""
_CODE_HOLDS_S = 60.0
DEVICE_HOLDS_S = 300.0
# Without letters that are taken for one another (RFC 8628, 6.1).
_USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_USER_CODE_LENGTH = 8
_MOST_WAITING = 1000
_LONGEST_NAME = 128


class Declined(Exception):
    """The answer is no; `error` is the code that the RFC gives it."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True)
class _Code:
    name: str
    redirect_uri: str
    challenge: str
    until: float


@dataclass
class Device:
    """A device that waits until somebody enters its code; `name` is who did."""

    device_code: str
    user_code: str
    until: float
    name: str = ""


class SignInDesk:
    """Gives and redeems grants for one client.

    Args:
        client_id: of that client.
    """

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._codes: dict[str, _Code] = {}
        self._devices: dict[str, Device] = {}
        self._renewals: dict[str, str] = {}

    def check_request(self, asked: Mapping[str, str]) -> None:
        """Return if an authorization request can be granted. Raises Declined."""
        address = urlsplit(asked.get("redirect_uri", ""))
        if address.scheme != "http" or address.hostname not in {"127.0.0.1", "localhost", "::1"}:
            raise Declined("invalid_request")
        self._check_client(asked)
        if asked.get("response_type") != "code":
            raise Declined("unsupported_response_type")
        if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            raise Declined("invalid_request")

    def authorize(self, asked: Mapping[str, str], name: str, now: float) -> str:
        """Return a code for somebody. Raises Declined."""
        self.check_request(asked)
        code = _secret()
        until = now + _CODE_HOLDS_S
        self._codes[code] = _Code(_checked(name), asked["redirect_uri"], asked["code_challenge"], until)
        return code

    def start_device(self, asked: Mapping[str, str], now: float) -> Device:
        """Return the codes of a device that wants to sign in. Raises Declined."""
        self._check_client(asked)
        self._devices = {code: found for code, found in self._devices.items() if now < found.until}
        if len(self._devices) >= _MOST_WAITING:
            raise Declined("slow_down")
        letters = "".join(secrets.choice(_USER_CODE_LETTERS) for _ in range(_USER_CODE_LENGTH))
        device = Device(_secret(), f"{letters[:4]}-{letters[4:]}", now + DEVICE_HOLDS_S)
        self._devices[device.device_code] = device
        return device

    def approve(self, user_code: str, name: str, now: float) -> None:
        """Let a device sign in as somebody. Raises Declined."""
        wanted = user_code.strip().upper()
        for device in self._devices.values():
            if device.user_code == wanted and not device.name and now < device.until:
                device.name = _checked(name)
                return
        raise Declined("invalid_request")

    def redeem(self, asked: Mapping[str, str], now: float) -> tuple[str, str]:
        """Return who signed in, and what renews his tokens. Raises Declined."""
        self._check_client(asked)
        match asked.get("grant_type"):
            case str(kind) if kind == CODE_GRANT:
                name = self._of_code(asked, now)
            case str(kind) if kind == DEVICE_GRANT:
                name = self._of_device(asked.get("device_code", ""), now)
            case str(kind) if kind == REFRESH_GRANT:
                name = self._renewals.pop(asked.get("refresh_token", ""), "")
            case _:
                raise Declined("unsupported_grant_type")
        if not name:
            raise Declined("invalid_grant")
        renewal = _secret()
        self._renewals[renewal] = name
        return name, renewal

    def revoke(self, renewal: str) -> None:
        """Make what renews tokens worthless; what is not known is so already (RFC 7009)."""
        self._renewals.pop(renewal, None)

    def _of_code(self, asked: Mapping[str, str], now: float) -> str:
        found = self._codes.pop(asked.get("code", ""), None)
        if found is None or now >= found.until or asked.get("redirect_uri") != found.redirect_uri:
            return ""
        digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return found.name if hmac.compare_digest(challenge.encode(), found.challenge.encode()) else ""

    def _of_device(self, device_code: str, now: float) -> str:
        found = self._devices.get(device_code)
        if found is None:
            return ""
        if now >= found.until:
            raise Declined("expired_token")
        if not found.name:
            raise Declined("authorization_pending")
        del self._devices[device_code]
        return found.name

    def _check_client(self, asked: Mapping[str, str]) -> None:
        if asked.get("client_id") != self._client_id:
            raise Declined("invalid_client")


def _checked(name: str) -> str:
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise Declined("invalid_request")
    return name.strip()


def _secret() -> str:
    return secrets.token_urlsafe(32)
