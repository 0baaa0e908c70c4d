"""Pure: cost: what is used at the price table's prices, what a relay would have cost, what lies there."""

from __future__ import annotations

from dashboards.panel import Board, Panel, Query
from dashboards.promql import grown, most, orzero, per_second
from sleap_rtc.observability.instruments import (
    COST,
    COST_AVOIDED,
    PEER_SERVED,
    S3_REQUESTS,
    SNS_REQUESTS,
    SQS_REQUESTS,
    STORED,
    TRANSFER_SIZE,
    UNFINISHED_UPLOADS,
)

BOARD = Board(
    "sleap-rtc-cost",
    "Cost",
    "What was used at the prices of the price table. The bill is the vendor's; this says what it is made of.",
    (
        Panel(
            "What was spent?",
            "stat",
            "currencyUSD",
            "Requests and bytes, in the time shown, at the price table's prices. Storage stands by itself.",
            (Query(orzero(grown(COST)), "spent"),),
            runbooks=("CostIsUnusual",),
            width=6,
        ),
        Panel(
            "What would it have cost through a relay?",
            "stat",
            "currencyUSD",
            "What the bytes that went through S3 would have cost through TURN, at its share and price.",
            (Query(orzero(grown(COST_AVOIDED)), "through a relay"),),
            width=6,
        ),
        Panel(
            "What will a month cost at this rate?",
            "stat",
            "currencyUSD",
            "The spending of the last day, thirty times; without storage.",
            (Query(orzero(f"30 * {grown(COST, window='1d')}"), "a month"),),
            runbooks=("CostOverBudget",),
            width=6,
        ),
        Panel(
            "How many uploads were left unfinished?",
            "stat",
            "short",
            "Multipart uploads older than anybody resumes; their parts are paid for until they are aborted.",
            (Query(f"sum({most(UNFINISHED_UPLOADS, 'bucket', age='orphaned')})", "orphaned"),),
            ((1, "yellow"), (20, "red")),
            ("UploadsOrphaned",),
            width=6,
        ),
        Panel(
            "What is the money spent on?",
            "timeseries",
            "currencyUSD",
            "Dollars in an hour, by kind.",
            (Query(f"3600 * {per_second(COST, 'kind')}", "{{kind}}"),),
            runbooks=("CostIsUnusual",),
        ),
        Panel(
            "Is today like last week?",
            "timeseries",
            "currencyUSD",
            "Dollars in an hour, and in the same hour a week ago.",
            (
                Query(orzero(grown(COST, window="1h")), "now"),
                Query(orzero(grown(COST, window="1h", offset="1w")), "a week ago"),
            ),
            runbooks=("CostIsUnusual",),
        ),
        Panel(
            "Which bytes cost money?",
            "bargauge",
            "bytes",
            "In the time shown, by their way. Downloads to the internet and relays are paid for by the byte.",
            (Query(grown(TRANSFER_SIZE, "direction", "path"), "{{direction}}, {{path}}"),),
        ),
        Panel(
            "How many bytes did S3 not have to serve?",
            "bargauge",
            "bytes",
            "Models that peers had from each other, by the way they went.",
            (Query(grown(PEER_SERVED, "path"), "{{path}}"),),
            runbooks=("RelayShareIsHigh",),
        ),
        Panel(
            "What lies in the buckets?",
            "timeseries",
            "bytes",
            "As the last look found it. Storage is paid for by the month.",
            (Query(most(STORED, "bucket"), "{{bucket}}"),),
        ),
        Panel(
            "Which requests were made?",
            "table",
            "short",
            "In the time shown, of S3, SQS and SNS, by their own names.",
            (
                Query(f"{grown(S3_REQUESTS, 'operation')} > 0", "S3 {{operation}}"),
                Query(f"{grown(SQS_REQUESTS, 'operation')} > 0", "SQS {{operation}}"),
                Query(f"{grown(SNS_REQUESTS, 'operation')} > 0", "SNS {{operation}}"),
            ),
        ),
    ),
    spans="now-24h",
)
