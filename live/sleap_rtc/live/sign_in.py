"""Adapter: the two calls of the signaling's HTTP API that a peer without a token of its own needs."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import Any

import urllib3

from sleap_rtc.storage.errors import Refused, Unreachable

log = logging.getLogger(__name__)

_WITHIN_S = 10.0
_NOT_THERE = (404, 405)
_OK = 200


@dataclass(frozen=True)
class SignedIn:
    """Who we are until the token is too old: an hour on the existing server, twelve on ours."""

    peer_id: str
    id_token: str = field(repr=False)


def sign_in_anonymously(http_url: str) -> SignedIn:
    """Become somebody.

    Raises:
        Unreachable: the server does not answer.
        Refused: it lets nobody in without a token.
    """
    try:
        reply = urllib3.request("POST", f"{http_url}/anonymous-signin", timeout=_WITHIN_S, retries=False)
        if reply.status == _OK:
            match json.loads(reply.data):
                case {"id_token": str(id_token), "username": str(username)}:
                    return SignedIn(username, id_token)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise Unreachable(where=http_url, why=f"signing in failed: {error}") from error
    if reply.status in _NOT_THERE:
        raise Refused(where=http_url, why="it signs nobody in without a token; set SLEAP_RTC_TOKEN")
    raise Unreachable(where=http_url, why=f"signing in failed with status {reply.status}")


def sign_out(http_url: str, who: SignedIn) -> None:
    """Let the server forget us, which the existing one does not do by itself; no answer is no trouble."""
    body: dict[str, Any] = {"peer_id": who.peer_id}
    headers = {"Authorization": f"Bearer {who.id_token}"}
    url = f"{http_url}/delete-peer"
    try:
        urllib3.request("POST", url, json=body, headers=headers, timeout=_WITHIN_S, retries=False)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        log.info("the signaling server was not told that we leave: %s", error)
