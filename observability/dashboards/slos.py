"""Pure: what is promised, and the rules that say how fast the error budgets burn.

Windows and factors are those of the Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate
Alerts". A lab makes twenty uploads a day, so that one failure is often all the traffic of an hour: an alert
wants a few of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.promql import grown, growth, orzero, series
from sleap_rtc.observability.instruments import HTTP_DURATION, JOB_FAILURES, JOB_STEPS, QUEUE_LAG, TRANSFERS

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
OURS = ("dataset_corrupt", "disk_full", "worker_lost", "gave_up", "unexpected")
"""Why jobs fail that no scientist can do anything about."""
_NOTICES = ("upload-events", "model-events", "room-events")
_SOON_S = "10"


@dataclass(frozen=True)
class Slo:
    """One promise.

    Attributes:
        name: the label `slo`.
        promise: as a sentence.
        budget: the share of events that may be bad.
        least: how many bad events there must be before anybody is told.
        events: all of them within a window, as PromQL.
        bad: those that broke the promise.
    """

    name: str
    promise: str
    budget: float
    least: int
    events: Callable[[str], str]
    bad: Callable[[str], str]


@dataclass(frozen=True)
class Burn:
    """When somebody is told: so many times too fast, over the long window and still in the short one."""

    alert: str
    severity: str
    factor: float
    long: str
    short: str


def _requests(window: str) -> str:
    return grown(HTTP_DURATION, window=window, area="!health")


def _late(window: str) -> str:
    # The bound is 10.0 as the service writes it, and 10 as a collector does.
    soon = series(QUEUE_LAG, "_bucket", queue=_NOTICES).replace("}", f',le=~"{_SOON_S}|{_SOON_S}.0"}}')
    return f"{grown(QUEUE_LAG, window=window, queue=_NOTICES)} - sum({growth(soon, window)})"


SLOS = (
    Slo(
        "api",
        "The API answers 99.5% of requests without a fault of its own (5xx).",
        0.005,
        10,
        _requests,
        lambda window: grown(HTTP_DURATION, window=window, area="!health", status="5xx"),
    ),
    Slo(
        "transfers",
        "98% of the transfers that are not cancelled arrive.",
        0.02,
        3,
        lambda window: grown(TRANSFERS, window=window, outcome=("done", "failed")),
        lambda window: grown(TRANSFERS, window=window, outcome="failed"),
    ),
    Slo(
        "jobs",
        "97% of the jobs end with a model, or fail for a reason that their owner can do something about.",
        0.03,
        3,
        lambda window: grown(JOB_STEPS, window=window, state=("published", "failed")),
        lambda window: grown(JOB_FAILURES, window=window, code=OURS),
    ),
    Slo(
        "notices",
        "95% of S3's notices are received within ten seconds.",
        0.05,
        3,
        lambda window: grown(QUEUE_LAG, window=window, queue=_NOTICES),
        _late,
    ),
)
BURNS = (
    Burn("ErrorBudgetBurnsFast", "page", 14.4, "1h", "5m"),
    Burn("ErrorBudgetBurnsFast", "page", 6, "6h", "30m"),
    Burn("ErrorBudgetBurnsSlowly", "ticket", 3, "1d", "2h"),
    Burn("ErrorBudgetBurnsSlowly", "ticket", 1, "3d", "6h"),
)
# One failure an hour must not ring once for each.
_STAYS = {"page": "15m", "ticket": "2h"}


def rules() -> dict[str, Any]:
    """Return the recording and alert rules."""
    budgets: list[dict[str, Any]] = []
    for slo in SLOS:
        budgets += [
            {
                "record": "sleap_rtc:slo_budget:share",
                "expr": f"vector({slo.budget})",
                "labels": {"slo": slo.name},
            },
            {
                "record": "sleap_rtc:slo_least:events",
                "expr": f"vector({slo.least})",
                "labels": {"slo": slo.name},
            },
        ]
    return {
        "groups": [
            {"name": "sleap-rtc-slo-budgets", "rules": budgets},
            *({"name": f"sleap-rtc-slo-{window}", "rules": _recorded(window)} for window in WINDOWS),
            {"name": "sleap-rtc-slo-alerts", "rules": [_alert(burn) for burn in BURNS]},
        ]
    }


def _recorded(window: str) -> list[dict[str, Any]]:
    events, bad = f"sleap_rtc:slo_events:increase{window}", f"sleap_rtc:slo_bad_events:increase{window}"
    counts = [
        {"record": record, "expr": expr, "labels": {"slo": slo.name}}
        for slo in SLOS
        for record, expr in ((events, slo.events(window)), (bad, orzero(slo.bad(window))))
    ]
    share = f"sleap_rtc:slo_bad_events:share{window}"
    return [
        *counts,
        {"record": share, "expr": f"{bad} / ({events} > 0)"},
        {"record": f"sleap_rtc:slo_budget:burn{window}", "expr": f"{share} / sleap_rtc:slo_budget:share"},
    ]


def _alert(burn: Burn) -> dict[str, Any]:
    long, short = f"sleap_rtc:slo_budget:burn{burn.long}", f"sleap_rtc:slo_budget:burn{burn.short}"
    # Counts that Prometheus extrapolates: two and a half are three.
    enough = f"sleap_rtc:slo_bad_events:increase{burn.long} >= sleap_rtc:slo_least:events - 0.5"
    return {
        "alert": burn.alert,
        "expr": f"{long} > {burn.factor} and {short} > {burn.factor} and {enough}",
        "keep_firing_for": _STAYS[burn.severity],
        "labels": {"severity": burn.severity, "window": burn.long},
        "annotations": {
            "summary": f"{{{{ $labels.slo }}}}: what is promised is broken {burn.factor:g} times too often",
            "description": (
                f"Over {burn.long} and still over {burn.short}, {{{{ $labels.slo }}}} used up its budget "
                "{{ $value | humanize }} times as fast as it comes back. docs/slos.md says what is promised."
            ),
            "runbook_url": f"docs/runbooks/{burn.alert}.md",
            "dashboard_url": "/d/sleap-rtc-errors",
        },
    }
