"""Pure: what is told of live sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sleap_rtc.storage.telling import Fact


@dataclass(frozen=True)
class SessionTried(Fact):
    """A session stood, and which way its packets took, or it came to nothing."""

    path: Literal["direct", "relayed", "none"]


@dataclass(frozen=True)
class SessionsOpen(Fact):
    """So many more sessions stand now; negative for fewer."""

    change: Literal[1, -1]


@dataclass(frozen=True)
class HeartbeatReturned(Fact):
    """A heartbeat went there and back."""

    seconds: float
