"""Pure: why two peers found no way to each other, in words that say what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

RELAY = "relay"
"""The kind of a candidate that a TURN server gave (RFC 8445: host, srflx, prflx, relay)."""
_OR_THE_SERVICE = "or leave it to the service, which is slower"


@dataclass(frozen=True)
class Attempt:
    """What was known when a session did not come about.

    Attributes:
        ours: the kinds of candidates that this side has.
        theirs: those that the other side told.
        turn_known: whether this side was told of any TURN server.
        troubles: what is wrong with those that gave no address, a line for each.
        path_found: whether packets have got through.
    """

    ours: Collection[str]
    theirs: Collection[str]
    turn_known: bool = False
    troubles: Sequence[str] = ()
    path_found: bool = False


def why_no_path(attempt: Attempt) -> str:
    """Return the reason as the end of a sentence, and what to do now."""
    if attempt.path_found:
        return f"packets reach it, but no session came about over them; try again, {_OR_THE_SERVICE}"
    if not attempt.ours and not attempt.troubles:
        return f"this machine has no network address; connect it, {_OR_THE_SERVICE}"
    if not attempt.theirs:
        return f"it has no network address; {_OR_THE_SERVICE[3:]}"
    return f"{_no_way(attempt)}, {_OR_THE_SERVICE}"


def _no_way(attempt: Attempt) -> str:
    direct = "the two networks do not reach each other directly"
    if RELAY in attempt.ours or RELAY in attempt.theirs:
        whose = "the relay" if RELAY in attempt.ours else "the relay of the other side"
        return (
            f"{direct}, and nothing came through {whose} either; ask whoever runs the TURN server whether "
            "its relay ports are open"
        )
    if attempt.troubles:
        tried = "; ".join(attempt.troubles)
        return f"{direct}, and there is no relay: {tried}. Ask whoever runs the service to mend that"
    if attempt.turn_known:
        return f"{direct}, and the TURN server gave no relay address; ask whoever runs it"
    return f"{direct}, and no TURN server is configured; ask whoever runs the service for turn_urls"
