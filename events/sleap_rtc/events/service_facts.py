"""Pure: what is told of the service's requests, uploads, streams and signaling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sleap_rtc.storage.telling import Fact


@dataclass(frozen=True)
class RequestAnswered(Fact):
    """A request was answered.

    Attributes:
        method: of HTTP.
        area: what of the service it was about.
        status: of the answer.
        seconds: from the request to the end of the answer.
    """

    method: str
    area: str
    status: int
    seconds: float


@dataclass(frozen=True)
class UploadChanged(Fact):
    """An upload of a dataset was opened, completed or given up."""

    state: Literal["opened", "completed", "aborted"]


@dataclass(frozen=True)
class RequestLimited(Fact):
    """A request was refused, since there were too many or too much is open already."""

    limit: Literal["user", "room", "user_quota", "room_quota"]


@dataclass(frozen=True)
class TokenRefused(Fact):
    """A request came without a token, or with one that is no good."""


@dataclass(frozen=True)
class NotificationSent(Fact):
    """A room event went out on a stream."""


@dataclass(frozen=True)
class StreamsOpen(Fact):
    """So many clients listen to room events now."""

    count: int


@dataclass(frozen=True)
class PeersConnected(Fact):
    """So many peers are connected to the signaling now."""

    count: int


@dataclass(frozen=True)
class SignalPassed(Fact):
    """The signaling passed a message on, or could not."""

    outcome: Literal["passed_on", "undeliverable"]
