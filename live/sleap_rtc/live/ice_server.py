"""Pure: a STUN or TURN server as a peer connection takes it (W3C WebRTC, RTCIceServer)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field


class IceServer(BaseModel):
    """Where a peer learns its own address (STUN), or has its bytes relayed (TURN)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    urls: Sequence[str] | str
    username: str | None = None
    credential: str | None = Field(None, repr=False)
