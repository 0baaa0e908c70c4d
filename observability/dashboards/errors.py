"""Pure: errors and SLOs: is what was promised kept, and what is it that fails."""

from __future__ import annotations

from dashboards.panel import Board, Panel, Query
from dashboards.promql import grown, orzero, per_second, quantile, share, total
from sleap_rtc.observability.instruments import (
    BUILD,
    HTTP_DURATION,
    INTEGRITY_FAILURES,
    JOB_FAILURES,
    LIMITED,
    REFUSED_TOKENS,
    S3_REQUESTS,
    SIGNED_URLS,
    TELEMETRY_LOST,
    UPLOADS,
)

_BURNS = ("ErrorBudgetBurnsFast", "ErrorBudgetBurnsSlowly")


def _s3_share(*outcomes: str) -> str:
    """Return the share of requests that ended so, with those that commands pushed at their end."""
    return share(grown(S3_REQUESTS, window="5m", outcome=outcomes), grown(S3_REQUESTS, window="5m"))


BOARD = Board(
    "sleap-rtc-errors",
    "Errors and SLOs",
    "Whether what was promised is kept, how fast the error budgets burn, and what fails.",
    (
        Panel(
            "How much of the error budgets is left?",
            "bargauge",
            "percentunit",
            "Of three days' budgets. docs/slos.md says what is promised.",
            (Query("1 - sleap_rtc:slo_budget:burn3d", "{{slo}}"),),
            ((0, "red"), (0.25, "yellow"), (0.5, "green")),
            _BURNS,
            most=1,
        ),
        Panel(
            "How fast do the error budgets burn?",
            "timeseries",
            "short",
            "Over an hour: 1 is just what is allowed for; from 14.4 on somebody is woken.",
            (Query("sleap_rtc:slo_budget:burn1h", "{{slo}}"),),
            ((1, "yellow"), (14.4, "red")),
            _BURNS,
        ),
        Panel(
            "How is the API doing?",
            "timeseries",
            "reqps",
            "Requests a second by the class of their status. 5xx are ours.",
            (Query(per_second(HTTP_DURATION, "status"), "{{status}}"),),
            runbooks=_BURNS,
        ),
        Panel(
            "How long do requests take?",
            "timeseries",
            "s",
            "19 of 20 were faster. Streams and long polls are left out.",
            (Query(quantile(0.95, HTTP_DURATION, "area"), "{{area}}"),),
            ((1, "yellow"), (5, "red")),
            _BURNS,
        ),
        Panel(
            "What becomes of uploads?",
            "timeseries",
            "short",
            "Uploads of datasets in an hour, by what became of them.",
            (Query(grown(UPLOADS, "state", window="1h"), "{{state}}"),),
        ),
        Panel(
            "Which jobs fail, and why?",
            "timeseries",
            "short",
            "Jobs in an hour, by code; docs/reference/exit-codes.md says what each means.",
            (Query(grown(JOB_FAILURES, "code", window="1h"), "{{code}}"),),
            runbooks=("JobsFail",),
        ),
        Panel(
            "Which requests to S3 fail?",
            "timeseries",
            "percentunit",
            "The share of requests in five minutes. Conflicts are how writers agree, and no failures.",
            (
                Query(_s3_share("throttled", "failed"), "no answer"),
                Query(_s3_share("refused"), "refused"),
            ),
            ((0.05, "yellow"), (0.2, "red")),
            ("S3RequestsFail",),
            most=1,
        ),
        Panel(
            "Where were wrong bytes seen?",
            "bargauge",
            "short",
            "Checksums that did not agree, in the time shown.",
            (Query(grown(INTEGRITY_FAILURES, "where"), "{{where}}"),),
            ((1, "red"),),
            ("BytesDamaged",),
        ),
        Panel(
            "Who is turned away?",
            "timeseries",
            "short",
            "Requests in an hour that were refused: over a limit, or with a token that is no good.",
            (
                Query(grown(LIMITED, "limit", window="1h"), "limit: {{limit}}"),
                Query(orzero(grown(REFUSED_TOKENS, window="1h")), "token"),
            ),
        ),
        Panel(
            "How many URLs are signed?",
            "timeseries",
            "short",
            "URLs a second; each lets its holder send or fetch one part.",
            (Query(per_second(SIGNED_URLS, "operation"), "{{operation}}"),),
        ),
        Panel(
            "Which processes tell of themselves?",
            "timeseries",
            "short",
            "Processes by part. One that is missing here is seen by nobody.",
            (Query(total(BUILD, "part"), "{{part}}"),),
            runbooks=("ServiceIsDown", "InstanceIsDown", "MetricsAreAbsent"),
        ),
        Panel(
            "Is any telemetry lost?",
            "timeseries",
            "short",
            "Batches in an hour that a collector did not take. Transfers go on without it.",
            (Query(grown(TELEMETRY_LOST, "signal", window="1h"), "{{signal}}"),),
            ((1, "yellow"),),
            ("TelemetryIsLost",),
        ),
        Panel(
            "Which alarms are raised?",
            "table",
            "short",
            "Those that fire now.",
            (
                Query(
                    'sum by (alertname, severity) (ALERTS{alertstate="firing"})',
                    "{{severity}}: {{alertname}}",
                ),
            ),
        ),
    ),
    spans="now-24h",
)
