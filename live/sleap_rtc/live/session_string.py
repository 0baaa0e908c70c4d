"""Pure: the existing tool's session string, which names a room, its token and one worker.

`sleap-session:` and URL-safe base64, with padding, of `{"r": room_id, "t": token, "p": worker_peer_id}`.
"""

from __future__ import annotations

import base64
import binascii

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sleap_rtc.storage.errors import InputError

PREFIX = "sleap-session:"


class Session(BaseModel):
    """What a session string says."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    room_id: str = Field(alias="r")
    token: str = Field(alias="t", repr=False)
    worker_id: str = Field(alias="p")


def parse_session_string(text: str) -> Session:
    """Read a session string.

    Raises:
        InputError: it is not one.
    """
    try:
        if not text.startswith(PREFIX):
            raise ValueError(text)
        return Session.model_validate_json(base64.urlsafe_b64decode(text.removeprefix(PREFIX)))
    except (ValueError, binascii.Error, ValidationError) as error:
        raise InputError(
            message="This is not a session string. Copy the whole line that starts with sleap-session: "
            "from the worker's output."
        ) from error


def session_string(session: Session) -> str:
    """Write a session string."""
    body = session.model_dump_json(by_alias=True).encode()
    return PREFIX + base64.urlsafe_b64encode(body).decode("ascii")
