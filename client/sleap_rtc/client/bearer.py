"""Orchestration: the token that a request is made with: the one that is set, else that of the user's login.

A login's token is renewed before it ends, by one process for all of them: the others wait for it and read
what it has written.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sleap_rtc.client.sign_in_errors import LoginEnded
from sleap_rtc.storage.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.client.issuer_client import Tokens
    from sleap_rtc.client.login_file import Login, LoginFile
    from sleap_rtc.settings import Settings

RENEWED_BEFORE = timedelta(minutes=2)
_LOCK_WITHIN_S = 60.0


class LoginToken:
    """The token of a login, renewed when it is about to end; called from any thread.

    Args:
        file: where the login is kept.
    """

    def __init__(self, file: LoginFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._login: Login | None = None

    def __call__(self) -> str:
        """Return a token that holds, empty if nobody is signed in.

        Raises:
            LoginEnded: the issuer does not renew it any more.
            Unreachable: it has ended, and the issuer does not answer.
            InputError: the login cannot be read or written.
        """
        with self._lock:
            self._login = self._login or self._file.read()
            if self._login is not None and self._login.expires_at - datetime.now(UTC) < RENEWED_BEFORE:
                self._login = self._renewed(self._login)
            return self._login.token if self._login else ""

    def _renewed(self, login: Login) -> Login:
        try:
            with self._file.locked(_LOCK_WITHIN_S):
                found = self._file.read()
                if found is None:
                    raise LoginEnded(where=login.service)
                if found.expires_at - datetime.now(UTC) >= RENEWED_BEFORE:
                    return found  # another process was quicker
                login = found
                return self._renew(login)
        except (TimeoutError, Unreachable):
            if datetime.now(UTC) < login.expires_at:
                return login
            raise Unreachable(
                where=f"The issuer of your login at {login.service}", why="so that it cannot be renewed"
            ) from None

    def _renew(self, login: Login) -> Login:
        from sleap_rtc.client.issuer_client import IssuerDeclined, tokens_for

        asked = {
            "grant_type": "refresh_token",
            "refresh_token": login.renewal,
            "client_id": login.client_id,
        }
        try:
            if not login.renewal:
                raise IssuerDeclined("invalid_grant", "")
            tokens = tokens_for(login.token_endpoint, asked)
        except IssuerDeclined:
            if datetime.now(UTC) < login.expires_at:
                return login
            raise LoginEnded(where=login.service) from None
        renewed = login.model_copy(
            update={
                "token": shown_token(tokens),
                "renewal": tokens.refresh_token or login.renewal,
                "expires_at": end_of(tokens, datetime.now(UTC)),
            }
        )
        self._file.write(renewed)
        return renewed


def bearer(settings: Settings) -> Callable[[], str]:
    """Return what gives the token for the service that the settings name."""
    token = settings.token.get_secret_value()
    if token:
        return lambda: token
    return LoginToken(login_file(settings))


def signaling_bearer(settings: Settings) -> Callable[[], str]:
    """Return what gives the token for the signaling; a login is for the service and its own signaling."""
    if settings.live_signaling_url and not settings.token.get_secret_value():
        return str
    return bearer(settings)


def login_file(settings: Settings) -> LoginFile:
    """Return where the login at the service that the settings name is kept."""
    from sleap_rtc.client.login_file import LoginFile

    return LoginFile(settings.data_dir, settings.backend_api_url, warn)


def warn(text: str) -> None:
    """Say something on standard error."""
    sys.stderr.write(f"sleap-rtc: {text}\n")


def shown_token(tokens: Tokens) -> str:
    """Return the token that the service is shown: the id token, which has the name for people."""
    return tokens.id_token or tokens.access_token


def end_of(tokens: Tokens, now: datetime) -> datetime:
    """Return when that token ends by the clock of this machine, which need not be the issuer's."""
    claims = _claims(shown_token(tokens))
    match claims:
        case {"exp": int() | float() as end, "iat": int() | float() as begin} if 0 < end - begin < 1e9:  # noqa: PLR2004 - thirty years
            return now + timedelta(seconds=end - begin)
    return now + timedelta(seconds=min(tokens.expires_in, 1e9))


def _claims(token: str) -> Any:
    try:
        _, body, _ = token.split(".")
        return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, RecursionError):
        return None
