"""Pure: transport in real time: what goes where, how fast, and what it takes."""

from __future__ import annotations

from dashboards.panel import Board, Panel, Query
from dashboards.promql import buckets, grown, orzero, per_second, quantile, share
from sleap_rtc.observability.instruments import (
    HEDGES,
    INTEGRITY_FAILURES,
    RESUMED_SIZE,
    RESUMES,
    S3_DURATION,
    S3_REQUESTS,
    TRANSFER_DURATION,
    TRANSFER_GOODPUT,
    TRANSFER_OUTAGES,
    TRANSFER_RETRIES,
    TRANSFER_SIZE,
    TRANSFERS,
    WASTED_SIZE,
)

_ENDED = ("done", "failed")

BOARD = Board(
    "sleap-rtc-transport",
    "Transport in real time",
    "What goes through S3, between peers and through relays, how fast, and what is tried again.",
    (
        Panel(
            "How many bytes arrived?",
            "stat",
            "bytes",
            "In the time shown; what the store acknowledged and what was verified after a download.",
            (Query(grown(TRANSFER_SIZE, "direction"), "{{direction}}"),),
            width=6,
        ),
        Panel(
            "Which share of the transfers failed?",
            "stat",
            "percentunit",
            "Of those that were done or failed in the time shown. Cancelled ones are left out.",
            (
                Query(
                    orzero(
                        share(
                            grown(TRANSFERS, outcome="failed"),
                            grown(TRANSFERS, outcome=_ENDED),
                        )
                    ),
                    "failed",
                ),
            ),
            ((0.02, "yellow"), (0.1, "red")),
            ("ErrorBudgetBurnsFast",),
            width=6,
        ),
        Panel(
            "How much did resuming save?",
            "stat",
            "bytes",
            "Bytes that an earlier run had brought over and that were not sent again.",
            (Query(orzero(grown(RESUMED_SIZE)), "not sent again"),),
            width=6,
        ),
        Panel(
            "Did any bytes arrive that were not the right ones?",
            "stat",
            "short",
            "Checksums that did not agree, wherever that was seen. Every one was refused.",
            (Query(orzero(grown(INTEGRITY_FAILURES)), "refused"),),
            ((1, "red"),),
            ("BytesDamaged",),
            width=6,
        ),
        Panel(
            "How fast do bytes go, and which way?",
            "timeseries",
            "Bps",
            "S3 across the internet or within its region, peers directly or through a relay, shared folders.",
            (Query(per_second(TRANSFER_SIZE, "direction", "path"), "{{direction}}, {{path}}"),),
        ),
        Panel(
            "What do the bytes hold?",
            "timeseries",
            "Bps",
            "Datasets, models, checkpoints, results and logs, both directions together.",
            (Query(per_second(TRANSFER_SIZE, "content"), "{{content}}"),),
        ),
        Panel(
            "How fast is one transfer?",
            "timeseries",
            "Bps",
            "Of transfers that were done in the time shown: the median, and what nine of ten exceed.",
            (
                Query(
                    quantile(0.5, TRANSFER_GOODPUT, "direction", window="$__range"), "median {{direction}}"
                ),
                Query(
                    quantile(0.1, TRANSFER_GOODPUT, "direction", window="$__range"),
                    "slowest tenth {{direction}}",
                ),
            ),
        ),
        Panel(
            "How long do transfers take?",
            "heatmap",
            "s",
            "Transfers that were done, by how long they took.",
            (Query(buckets(TRANSFER_DURATION), "{{le}}"),),
        ),
        Panel(
            "What is tried again, and why?",
            "timeseries",
            "short",
            "Parts and ranges in five minutes. A few are the network's; many of one reason are a fault.",
            (
                Query(
                    grown(TRANSFER_RETRIES, "direction", "reason", window="5m"), "{{direction}}, {{reason}}"
                ),
                Query(grown(TRANSFER_OUTAGES, "direction", window="5m"), "{{direction}}, held off"),
            ),
            runbooks=("S3RequestsFail",),
        ),
        Panel(
            "Are second tries of late parts worth it?",
            "bargauge",
            "short",
            "Late parts that were tried a second time in the time shown, by whether the second try won.",
            (Query(grown(HEDGES, "won"), "second try won: {{won}}"),),
        ),
        Panel(
            "How many transfers went on from an earlier run?",
            "bargauge",
            "short",
            "In the time shown; what had been brought over was not sent again.",
            (Query(grown(RESUMES, "direction"), "{{direction}}"),),
            width=6,
        ),
        Panel(
            "How many bytes came twice?",
            "bargauge",
            "bytes",
            "In the time shown; the price of second tries and lost replies.",
            (Query(grown(WASTED_SIZE, "direction"), "{{direction}}"),),
            width=6,
        ),
        Panel(
            "What is asked of S3?",
            "timeseries",
            "reqps",
            "Requests by S3's own name for them, retries among them.",
            (Query(per_second(S3_REQUESTS, "operation"), "{{operation}}"),),
        ),
        Panel(
            "How long does S3 take to answer?",
            "timeseries",
            "s",
            "Until the head of the answer: 19 of 20 requests were faster.",
            (Query(quantile(0.95, S3_DURATION, "operation"), "{{operation}}"),),
            ((1, "yellow"), (5, "red")),
            ("S3RequestsFail",),
        ),
    ),
    spans="now-1h",
)
