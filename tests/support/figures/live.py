"""Live sessions: what the measured run should have shown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sleap_rtc.observability.instruments import LIVE_ROUND_TRIP
from support.figures.seen import Figure, all_between, each, exact, spread

if TYPE_CHECKING:
    from support.figures.seen import Figures, Seen


def _served(seen: Seen) -> float:
    """Return the bytes that clients say they had from peers."""
    return seen.told('sleap_rtc_transfer_size_bytes_total{direction="download",path="peer",part="client"}')


def _came_about(seen: Seen) -> list[Figure]:
    found = seen.whole("How do sessions come about?")
    return [
        Figure("direct", found["direct"], 2, math.inf),  # both sides tell of the one with `jobs attach`
        exact("relayed", found["relayed"], 0),
    ]


def _round_trips(seen: Seen) -> list[Figure]:
    found = seen.whole("How quickly does a heartbeat come back?")
    return [
        Figure("median", found["median"], 0, found["19 of 20"]),
        Figure("19 of 20", found["19 of 20"], 0, LIVE_ROUND_TRIP.buckets[-1]),
    ]


FIGURES: dict[str, Figures] = {
    "How many sessions stand now?": lambda seen: [
        exact("open", sum(seen.last("How many sessions stand now?").values()), 0)
    ],
    "Which share goes through a relay?": lambda seen: [
        exact("relayed", seen.last("Which share goes through a relay?")["relayed"], 0)
    ],
    "How many peers are signaling?": lambda seen: [
        exact("peers", seen.last("How many peers are signaling?")["peers"], 2)  # the workers that are left
    ],
    "How many clients listen to rooms?": lambda seen: [
        exact("streams", seen.last("How many clients listen to rooms?")["streams"], 1)
    ],
    "How do sessions come about?": _came_about,
    "How quickly does a heartbeat come back?": _round_trips,
    "How are the round trips spread?": spread(
        "How are the round trips spread?", lambda seen: seen.told("sleap_rtc_live_round_trip_seconds_count")
    ),
    "What are jobs asked to do, and by which way?": lambda seen: each(
        seen.last("What are jobs asked to do, and by which way?"),
        {"pause, live": 1, "resume, live": 1, "stop, live": 1},
    ),
    "Does signaling reach whom it is for?": lambda seen: [
        Figure("passed on", seen.in_all("Does signaling reach whom it is for?")["passed_on"], 2, math.inf),
        exact("undeliverable", seen.whole("Does signaling reach whom it is for?").get("undeliverable", 0), 0),
    ],
    "How many bytes go to peers?": lambda seen: [
        exact("direct", seen.in_all("How many bytes go to peers?")["direct"], _served(seen)),
        *all_between("relayed", seen.values("How many bytes go to peers?", "relayed"), 0, 0),
    ],
}
