"""Pure: the metrics of live sessions and of signaling."""

from __future__ import annotations

from typing import Final

from sleap_rtc.observability.instrument import Instrument, Kind
from sleap_rtc.observability.instruments.words import LIVE_S, MOVERS, SERVICE, WORKER, label

LIVE_SESSIONS: Final = Instrument(
    "sleap_rtc.live.sessions",
    Kind.COUNTER,
    "{session}",
    "Live sessions that stood, by the way of their packets, and those that came to nothing.",
    (label("path", "direct", "relayed", "none"),),
    parts=MOVERS,
)

LIVE_OPEN: Final = Instrument(
    "sleap_rtc.live.open_sessions",
    Kind.GAUGE,
    "{session}",
    "Live sessions that stand now.",
    (),
    parts=WORKER,
)

LIVE_ROUND_TRIP: Final = Instrument(
    "sleap_rtc.live.round_trip",
    Kind.HISTOGRAM,
    "s",
    "How long heartbeats of live sessions took there and back.",
    (),
    LIVE_S,
    MOVERS,
)

LIVE_COMMANDS: Final = Instrument(
    "sleap_rtc.live.commands",
    Kind.COUNTER,
    "{command}",
    "Commands that came to a job, by what they ask for and how they came; a client sends one both ways to be "
    "sure, and it counts at each.",
    (
        label(
            "command",
            *("pause", "resume", "stop", "set_learning_rate", "sample", "transfer_status", "cancel_transfer"),
        ),
        label("way", "live", "record"),
    ),
    parts=WORKER,
)

SIGNALING_PEERS: Final = Instrument(
    "sleap_rtc.signaling.peers",
    Kind.GAUGE,
    "{peer}",
    "Peers that are connected to this instance's signaling.",
    (),
    parts=SERVICE,
)

SIGNALING_MESSAGES: Final = Instrument(
    "sleap_rtc.signaling.messages",
    Kind.COUNTER,
    "{message}",
    "Messages that signaling passed on, or could not.",
    (label("outcome", "passed_on", "undeliverable"),),
    parts=SERVICE,
)

PEER_SERVED: Final = Instrument(
    "sleap_rtc.peer_served",
    Kind.COUNTER,
    "By",
    "Bytes of models that went to peers and not through S3, by the way they went.",
    (label("path", "direct", "relayed"),),
    parts=WORKER,
)

EVERY: Final = (
    LIVE_SESSIONS,
    LIVE_OPEN,
    LIVE_ROUND_TRIP,
    LIVE_COMMANDS,
    SIGNALING_PEERS,
    SIGNALING_MESSAGES,
    PEER_SERVED,
)
