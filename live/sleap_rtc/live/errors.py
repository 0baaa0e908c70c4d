"""Pure: what can go wrong between peers.

SleapRtcError
├── Unreachable
│   └── PeerUnreachable      5  no session came about
├── PeerLost                10  a session ended
├── ReadRefused              4  a peer would not read this to us, and says why
├── TalkRefused              4  a worker is not at this job, or does not take this request
├── PeerStalled             10  a peer is there and sends nothing to speak of
├── PeerWrong                7  a peer sends what is not what was asked for
└── LegacyFileRefused        7  a file that a peer of the existing tool sends is not to be taken
"""

from __future__ import annotations

from typing import ClassVar

from sleap_rtc.storage.errors import ExitCode, SleapRtcError, Unreachable


class PeerUnreachable(Unreachable):
    """The peer {where} cannot be connected to: {why}."""


class PeerLost(SleapRtcError):
    """The connection to the peer {peer} ended: {why}."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERRUPTED
    peer: str
    why: str


class ReadRefused(SleapRtcError):
    """The peer does not read this out: {why}."""

    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FOUND
    code: str
    why: str


class TalkRefused(SleapRtcError):
    """The worker does not do this: {why}."""

    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FOUND
    code: str
    why: str


class PeerStalled(SleapRtcError):
    """The peer {peer} sent {got_bytes:,} bytes in {within_s:g} s, which is too little to wait for."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERRUPTED
    peer: str
    got_bytes: int
    within_s: float


class PeerWrong(SleapRtcError):
    """The peer {peer} sent something wrong: {why}."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY
    peer: str
    why: str


class LegacyFileRefused(SleapRtcError):
    """The file that the peer sent was not taken: {why}."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY
    why: str
