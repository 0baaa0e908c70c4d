"""Pure: a STUN or TURN server as a peer connection takes it (W3C WebRTC, RTCIceServer)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# RFC 7065, without addresses of IPv6 in brackets, which the engine does not take.
_TURN = re.compile(
    r"(?P<scheme>turns?):(?P<host>[^?:\[\]]+)(:(?P<port>\d{1,5}))?(\?transport=(?P<transport>udp|tcp))?"
)
_TURN_PORT, _TURNS_PORT = 3478, 5349
# The user of coturn's `use-auth-secret`: the second in which the credentials end, and a name.
_ENDS_AT = re.compile(r"(\d{1,11}):")
_CLOCK_IS_WRONG_S = 600.0


class IceServer(BaseModel):
    """Where a peer learns its own address (STUN), or has its bytes relayed (TURN)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    urls: Sequence[str] | str
    username: str | None = None
    credential: str | None = Field(None, repr=False)

    @property
    def each_url(self) -> Sequence[str]:
        """Its URLs, also where there is one."""
        return [self.urls] if isinstance(self.urls, str) else self.urls

    @property
    def ends_at(self) -> datetime | None:
        """When the credentials end, as far as the user's name tells."""
        found = _ENDS_AT.match(self.username or "")
        return datetime.fromtimestamp(int(found[1]), UTC) if found else None


@dataclass(frozen=True)
class TurnAddress:
    """What a TURN URL says."""

    host: str
    port: int
    transport: Literal["udp", "tcp"]
    tls: bool


def is_turn(url: str) -> bool:
    """Tell whether a URL is one of a TURN server."""
    return url.startswith(("turn:", "turns:"))


def turn_address(url: str) -> TurnAddress | None:
    """Read a TURN URL; None if the engine could do nothing with it."""
    found = _TURN.fullmatch(url)
    if found is None:
        return None
    tls = found["scheme"] == "turns"
    transport: Literal["udp", "tcp"] = "tcp" if tls or found["transport"] == "tcp" else "udp"
    if tls and found["transport"] == "udp":
        return None  # DTLS to the relay: the engine has none
    port = int(found["port"] or (_TURNS_PORT if tls else _TURN_PORT))
    return TurnAddress(found["host"], port, transport, tls) if 0 < port < 2**16 else None


def renew_in_s(servers: Sequence[IceServer], now: datetime) -> float | None:
    """Return in how many seconds new credentials are due; None if those that there are do not end.

    Half of their time is left then, so that a try that fails is not the last.
    """
    ends = [server.ends_at for server in servers if server.ends_at is not None]
    if not ends:
        return None
    left_s = (min(ends) - now).total_seconds()
    # A clock that is an hour wrong is no reason to ask without end.
    return left_s / 2 if left_s > 0 else _CLOCK_IS_WRONG_S
