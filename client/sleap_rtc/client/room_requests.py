"""Pure: what people type about rooms, as requests that the service takes."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from sleap_rtc.client.time_span import parse_span
from sleap_rtc.events.room_api import SHORTEST_INVITATION_S, Invite, JoinRoom, RenameRoom
from sleap_rtc.events.worker_token_api import SHORTEST_WORKER_TOKEN_S, GiveWorkerToken
from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.room import LONGEST_INVITATION, InvitationNotValid, Role
from sleap_rtc.storage.worker_token import LONGEST_WORKER_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

M = TypeVar("M", bound=BaseModel)


def checked_room_name(name: str) -> str:
    """Return a name if a room can have it.

    Raises:
        InputError: it cannot.
    """
    refusal = InputError(message="A room's name has 1 to 128 characters, all of them on one line.")
    return _made(lambda: RenameRoom(name=name), refusal).name


def invitation_of(role: Role, expires: str, uses: int) -> Invite:
    """Return the request for an invitation.

    Raises:
        InputError: it is to be good for a time that cannot be read, or for too long.
    """
    span = parse_span("--expires", expires)
    if not SHORTEST_INVITATION_S <= span.total_seconds() <= LONGEST_INVITATION.total_seconds():
        raise InputError(
            message=f"An invitation is good for 1min to {LONGEST_INVITATION.days}d, not for {expires}."
        )
    return Invite(
        role=role, expires_in_s=int(span.total_seconds()), uses=uses, submission_id=secrets.token_hex(16)
    )


def worker_token_of(name: str, expires: str) -> GiveWorkerToken:
    """Return the request for a worker's token.

    Raises:
        InputError: it is to be good for a time that cannot be read or is too long, or the name is none.
    """
    span = parse_span("--expires", expires)
    if not SHORTEST_WORKER_TOKEN_S <= span.total_seconds() <= LONGEST_WORKER_TOKEN.total_seconds():
        raise InputError(
            message=f"A worker's token is good for 1min to {LONGEST_WORKER_TOKEN.days}d, not for {expires}."
        )
    refusal = InputError(message="A worker's name has 1 to 128 characters, all of them on one line.")
    seconds, submission = int(span.total_seconds()), secrets.token_hex(16)
    return _made(lambda: GiveWorkerToken(name=name, expires_in_s=seconds, submission_id=submission), refusal)


def joining(invitation: str) -> JoinRoom:
    """Return the request of one who was invited. Raises InvitationNotValid where it cannot be one."""
    return _made(lambda: JoinRoom(invitation=invitation.strip()), InvitationNotValid())


def parse_role(text: str) -> tuple[str, Role]:
    """Return name and role of `NAME=ROLE`.

    Raises:
        InputError: it is something else.
    """
    name, _, given = text.rpartition("=")
    for role in get_args(Role):
        if name and given == role:
            return name, role
    roles = ", ".join(get_args(Role))
    raise InputError(message=f"--set-role takes NAME=ROLE, and ROLE is one of {roles}; not {text!r}.")


def _made(make: Callable[[], M], refusal: InputError) -> M:
    try:
        return make()
    except ValidationError:
        raise refusal from None
