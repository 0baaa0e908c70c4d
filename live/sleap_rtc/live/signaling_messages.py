"""Pure: every message of the signaling WebSocket, as JSON text, both ways.

The words are those of the existing tool, so that its clients and workers can speak with ours.

    a peer says         the server answers      and another peer hears
    register            registered_auth
    discover_peers      peer_list
    update_metadata     metadata_updated
    peer_message                                peer_message
    offer                                       offer
    answer                                      answer
    candidate                                   candidate
    error with target                           error (an offer was declined)

Anything may be answered with `error`. What goes wrong with a registration has a `reason`, everything else a
`code` and a `message`, a declined offer a `target` and the reason `worker_busy`. Fields that nobody knows are
let through; those of 2026's servers in `registered_auth` are optional here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sleap_rtc.live.ice_server import IceServer
from sleap_rtc.live.strict_json import is_deeper, strict_json
from sleap_rtc.storage.errors import InputError

LARGEST_MESSAGE_BYTES = 256 * 1024
"""A session description with all candidates has a few KiB; bulk bytes have ways of their own."""
PEER_NAME_SEPARATOR = "#"
FIELDS_MISSING = "Missing required fields during registration."
WORKER_BUSY = "worker_busy"
BUSY_STATUSES = frozenset({"reserved", "busy", "maintenance"})
"""What `metadata.properties.status` of a worker says when it takes no offers."""

_DEEPEST = 64

PeerId = Annotated[str, Field(min_length=1, max_length=256)]


class ErrorCode(StrEnum):
    """What an `error` that is about no registration is about."""

    NOT_IN_ROOM = "NOT_IN_ROOM"
    ROOM_NOT_FOUND = "ROOM_NOT_FOUND"
    INVALID_MESSAGE = "INVALID_MESSAGE"
    PEER_NOT_IN_ROOM = "PEER_NOT_IN_ROOM"
    PEER_NOT_FOUND = "PEER_NOT_FOUND"
    DELIVERY_FAILED = "DELIVERY_FAILED"
    UNKNOWN_MESSAGE_TYPE = "UNKNOWN_MESSAGE_TYPE"
    INVALID_JSON = "INVALID_JSON"


class CloseCode:
    """With which code the server closes a socket. RFC 6455 has those below 4000, the others are ours."""

    DONE = 1000
    POLICY = 1008
    RESTART = 1012
    """The service stops; connect again."""
    REPLACED = 4001
    """The same peer registered on a newer socket; do not connect again."""
    TOO_SLOW = 4002
    """What the peer was to read piled up."""


class MessageRefused(InputError):
    """The signaling message cannot be used: {why}."""

    code: ErrorCode
    why: str


class RegistrationRefused(MessageRefused):
    """The signaling server does not take the registration: {why}."""


class _Message(BaseModel):
    # What is relayed keeps what a newer peer added to it.
    model_config = ConfigDict(extra="allow", frozen=True)

    def text(self) -> str:
        """Return the message as it is sent: what nobody set is left out, what nobody knows is kept."""
        content = {"type": type(self).model_fields["type"].default, **self.model_dump(exclude_unset=True)}
        return json.dumps(content, separators=(",", ":"))


class Metadata(BaseModel):
    """What a peer says about itself."""

    model_config = ConfigDict(extra="allow", frozen=True)

    tags: Sequence[str] = ()
    properties: dict[str, Any] = Field(default_factory=dict)

    def as_said(self) -> dict[str, Any]:
        """Return it as its peer wrote it."""
        return self.model_dump(exclude_unset=True)

    def updated(self, news: Metadata) -> Metadata:
        """Return it with news: tags are added, properties replaced one by one, nothing else is lost."""
        merged = {**self.as_said(), **news.as_said()}
        if self.tags or news.tags:
            merged["tags"] = list(dict.fromkeys((*self.tags, *news.tags)))
        if self.properties or news.properties:
            merged["properties"] = {**self.properties, **news.properties}
        return Metadata.model_validate(merged)


class Register(_Message):
    """Lets a peer into a room.

    Attributes:
        peer_id: the subject of the id token, alone or with a name behind it (`own_peer_id`).
        token: the room's token; not needed by a member of the room.
    """

    type: Literal["register"] = "register"
    peer_id: PeerId
    room_id: str = Field(min_length=1, max_length=64)
    id_token: str = Field(min_length=1, max_length=16_384, repr=False)
    token: str | None = Field(None, max_length=128, repr=False)
    role: str = Field("peer", max_length=64)
    metadata: Metadata = Field(default_factory=Metadata)


class RegisteredAuth(_Message):
    """The peer is in the room."""

    type: Literal["registered_auth"] = "registered_auth"
    room_id: str
    token: str | None = Field(None, repr=False)
    peer_id: str
    admin_peer_id: str | None = None
    peer_list: Sequence[str] = ()
    peer_metadata: dict[str, Metadata] = Field(default_factory=dict)
    ice_servers: Sequence[IceServer] = ()
    mesh_ice_servers: Sequence[IceServer] = ()


class DiscoverPeers(_Message):
    """Asks for the other peers of the room; `peer_filters` says what a filter means."""

    type: Literal["discover_peers"] = "discover_peers"
    from_peer_id: PeerId
    filters: dict[str, Any] = Field(default_factory=dict)


class PeerInfo(BaseModel):
    """A peer as others see it; `connected_at` is in seconds since 1970."""

    model_config = ConfigDict(extra="allow", frozen=True)

    peer_id: str
    role: str = "peer"
    metadata: Metadata = Field(default_factory=Metadata)
    connected_at: float = 0.0


class PeerList(_Message):
    """The peers that were asked for."""

    type: Literal["peer_list"] = "peer_list"
    to_peer_id: str
    peers: Sequence[PeerInfo]
    count: int


class UpdateMetadata(_Message):
    """Tells the room what is new about a peer."""

    type: Literal["update_metadata"] = "update_metadata"
    peer_id: PeerId
    metadata: Metadata


class MetadataUpdated(_Message):
    """What the room now knows about the peer."""

    type: Literal["metadata_updated"] = "metadata_updated"
    peer_id: str
    metadata: Metadata


class PeerMessage(_Message):
    """A message between peers; what it means is theirs."""

    type: Literal["peer_message"] = "peer_message"
    from_peer_id: PeerId
    to_peer_id: PeerId
    payload: Any


class _Signal(_Message):
    sender: PeerId
    target: PeerId


class Offer(_Signal):
    """A session description that asks for a connection; all candidates are in it."""

    type: Literal["offer"] = "offer"
    sdp: str


class Answer(_Signal):
    """The session description that takes an offer."""

    type: Literal["answer"] = "answer"
    sdp: str


class Candidate(_Signal):
    """One more address at which a peer may be reached."""

    type: Literal["candidate"] = "candidate"
    candidate: Any


class SignalError(_Message):
    """Something was refused. Which fields are set depends on what (see the module)."""

    type: Literal["error"] = "error"
    code: str | None = None
    reason: str | None = None
    message: str | None = None
    target: str | None = None
    current_status: str | None = None

    @property
    def text_for_people(self) -> str:
        """The sentence in it."""
        return self.message or self.reason or self.code or "no reason was given"


Said = Annotated[
    Register | DiscoverPeers | UpdateMetadata | PeerMessage | Offer | Answer | Candidate | SignalError,
    Field(discriminator="type"),
]
"""What a peer says to the server."""
Heard = Annotated[
    RegisteredAuth | PeerList | MetadataUpdated | PeerMessage | Offer | Answer | Candidate | SignalError,
    Field(discriminator="type"),
]
"""What a peer hears from the server."""

_SAID: TypeAdapter[Said] = TypeAdapter(Said)
_HEARD: TypeAdapter[Heard] = TypeAdapter(Heard)
_RELAYED = frozenset(("peer_message", "offer", "answer", "candidate", "error"))
_SAID_TYPES = _RELAYED | {"register", "discover_peers", "update_metadata"}
_HEARD_TYPES = _RELAYED | {"registered_auth", "peer_list", "metadata_updated"}


def read_said(text: str | bytes) -> Said:
    """Read what a peer said.

    Raises:
        RegistrationRefused: it is a registration that lacks something.
        MessageRefused: it is too large, not JSON, of no known type, or lacks something.
    """
    if len(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text) > LARGEST_MESSAGE_BYTES:
        why = f"it is larger than {LARGEST_MESSAGE_BYTES:,} bytes"
        raise MessageRefused(code=ErrorCode.INVALID_MESSAGE, why=why)
    content = _json_object(text)
    if not _is_one_of(content.get("type"), _SAID_TYPES):
        # repr: the type may be anything, and as long as a message.
        why = f"Unknown message type: {content.get('type')!r:.80}"
        raise MessageRefused(code=ErrorCode.UNKNOWN_MESSAGE_TYPE, why=why)
    try:
        said = _SAID.validate_python(content)
    except ValidationError as error:
        raise _refusal(error) from error
    if isinstance(said, PeerMessage) and not said.payload:
        raise MessageRefused(code=ErrorCode.INVALID_MESSAGE, why="payload: it must not be empty")
    return said


def read_heard(text: str | bytes) -> Heard | None:
    """Read what the server said; None if its type is one that this version does not know.

    Raises:
        MessageRefused: it is not a message.
    """
    content = _json_object(text)
    if "type" not in content and "error" in content:
        # The existing server refuses an id token with a message that has no type.
        return SignalError(reason=str(content["error"]))
    if not _is_one_of(content.get("type"), _HEARD_TYPES):
        return None
    try:
        return _HEARD.validate_python(content)
    except ValidationError as error:
        raise _refusal(error) from error


def own_peer_id(subject: str, name: str = "") -> str:
    """Return the peer id of whoever has a token of this subject.

    Args:
        subject: the token's subject.
        name: tells several peers of one subject apart, such as his worker and his client.
    """
    return f"{subject}{PEER_NAME_SEPARATOR}{name}" if name else subject


def is_own_peer_id(peer_id: str, subject: str) -> bool:
    """Tell whether a peer id belongs to a subject: it is the subject, or that, `#` and a name."""
    return peer_id.partition(PEER_NAME_SEPARATOR)[0] == subject


def _is_one_of(kind: Any, known: frozenset[str]) -> bool:
    return isinstance(kind, str) and kind in known


def _refusal(error: ValidationError) -> MessageRefused:
    first = error.errors(include_url=False)[0]
    # The first step is the message's type.
    kind, *steps = first["loc"] or ("",)
    why = f"{'.'.join(str(step) for step in steps)}: {first['msg']}"
    if kind != "register":
        return MessageRefused(code=ErrorCode.INVALID_MESSAGE, why=why)
    if first["type"] in ("missing", "string_too_short") or first.get("input") is None:
        why = FIELDS_MISSING
    return RegistrationRefused(code=ErrorCode.INVALID_MESSAGE, why=why)


def _json_object(text: str | bytes) -> dict[str, Any]:
    try:
        content = strict_json(text)
    except ValueError as error:
        raise MessageRefused(code=ErrorCode.INVALID_JSON, why="Invalid JSON format") from error
    if not isinstance(content, dict):
        raise MessageRefused(code=ErrorCode.INVALID_MESSAGE, why="it is not a JSON object")
    if is_deeper(content, _DEEPEST):
        raise MessageRefused(
            code=ErrorCode.INVALID_MESSAGE, why=f"it is nested deeper than {_DEEPEST} levels"
        )
    return content
