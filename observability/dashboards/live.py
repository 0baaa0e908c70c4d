"""Pure: live sessions: do they come about, how directly, and what is asked through them."""

from __future__ import annotations

from dashboards.panel import Board, Panel, Query
from dashboards.promql import buckets, grown, orzero, per_second, quantile, share, total
from sleap_rtc.observability.instruments import (
    LIVE_COMMANDS,
    LIVE_OPEN,
    LIVE_ROUND_TRIP,
    LIVE_SESSIONS,
    PEER_SERVED,
    SIGNALING_MESSAGES,
    SIGNALING_PEERS,
    STREAMS,
)

BOARD = Board(
    "sleap-rtc-live",
    "Live sessions",
    "Whether clients and workers find each other, how directly, and what is asked on the way.",
    (
        Panel(
            "How many sessions stand now?",
            "stat",
            "short",
            "Live sessions of all workers.",
            (Query(total(LIVE_OPEN), "open"),),
            width=6,
        ),
        Panel(
            "Which share goes through a relay?",
            "stat",
            "percentunit",
            "Of the sessions that stood, in the time shown. A relay is paid for by the byte.",
            (
                Query(
                    orzero(
                        share(
                            grown(LIVE_SESSIONS, path="relayed"),
                            grown(LIVE_SESSIONS, path=("direct", "relayed")),
                        )
                    ),
                    "relayed",
                ),
            ),
            ((0.3, "yellow"), (0.6, "red")),
            ("RelayShareIsHigh",),
            width=6,
        ),
        Panel(
            "How many peers are signaling?",
            "stat",
            "short",
            "Peers that are connected to the service's signaling now, of all instances.",
            (Query(total(SIGNALING_PEERS), "peers"),),
            width=6,
        ),
        Panel(
            "How many clients listen to rooms?",
            "stat",
            "short",
            "Open streams of room events, of all instances.",
            (Query(total(STREAMS), "streams"),),
            width=6,
        ),
        Panel(
            "How do sessions come about?",
            "timeseries",
            "short",
            "Sessions in an hour: direct, through a relay, and those that came to nothing.",
            (Query(grown(LIVE_SESSIONS, "path", window="1h"), "{{path}}"),),
            runbooks=("RelayShareIsHigh",),
        ),
        Panel(
            "How quickly does a heartbeat come back?",
            "timeseries",
            "s",
            "There and back: the median, and 19 of 20.",
            (
                Query(quantile(0.5, LIVE_ROUND_TRIP), "median"),
                Query(quantile(0.95, LIVE_ROUND_TRIP), "19 of 20"),
            ),
            ((0.25, "yellow"), (1, "red")),
        ),
        Panel(
            "How are the round trips spread?",
            "heatmap",
            "s",
            "Heartbeats by how long they took there and back.",
            (Query(buckets(LIVE_ROUND_TRIP), "{{le}}"),),
        ),
        Panel(
            "What are jobs asked to do, and by which way?",
            "bargauge",
            "short",
            "In the time shown: over a live session, or through the job's record where there is none.",
            (Query(grown(LIVE_COMMANDS, "command", "way"), "{{command}}, {{way}}"),),
        ),
        Panel(
            "Does signaling reach whom it is for?",
            "timeseries",
            "short",
            "Messages a second that were passed on, and that could not be.",
            (Query(per_second(SIGNALING_MESSAGES, "outcome"), "{{outcome}}"),),
        ),
        Panel(
            "How many bytes go to peers?",
            "timeseries",
            "Bps",
            "Models that peers had from workers and not from S3, by their way.",
            (Query(per_second(PEER_SERVED, "path"), "{{path}}"),),
            runbooks=("RelayShareIsHigh",),
        ),
    ),
)
