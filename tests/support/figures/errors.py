"""Errors and SLOs: what the measured run should have shown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from support.figures.seen import Figure, all_between, each, exact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.figures.seen import Figures, Seen

_FAILED_SHARE = 0.02
"""Of transfers, that the promise allows for."""
_LATE_SHARE = 0.05


def _burns(seen: Seen) -> Mapping[str, float]:
    """Return how many times too many failed; of transfers alone some did."""
    ended = seen.told('sleap_rtc_transfers_total{outcome=~"done|failed"}')
    return {"transfers": seen.did.damaged_pulls / ended / _FAILED_SHARE, "jobs": 0, "api": 0}


def _budgets(seen: Seen) -> list[Figure]:
    left = seen.last("How much of the error budgets is left?")
    notices = left.pop("notices")
    return [
        *each(left, {slo: 1 - burn for slo, burn in _burns(seen).items()}, within=0.01),
        Figure("notices", notices, 1 - 1 / _LATE_SHARE, 1),
    ]


def _burn_rates(seen: Seen) -> list[Figure]:
    burning = seen.last("How fast do the error budgets burn?")
    notices = burning.pop("notices")
    return [*each(burning, _burns(seen), within=0.01), Figure("notices", notices, 0, 1 / _LATE_SHARE)]


def _api(seen: Seen) -> list[Figure]:
    answered = seen.in_all("How is the API doing?")
    refused = seen.did.refused_tokens + seen.did.refused_uploads
    return [
        exact("5xx", answered.get("5xx", 0), 0),
        Figure("4xx", answered["4xx"], refused, 10 * refused),
        Figure("2xx", answered["2xx"], 2 * seen.did.commands, math.inf),
    ]


def _failed_requests(seen: Seen) -> list[Figure]:
    """What the proxy did; a checkpoint that is cut, since its training ended, gets no answer, either."""
    found, asked = seen.whole("Which requests to S3 fail?"), seen.told("sleap_rtc_s3_requests_total")
    unanswered = seen.did.retries["throttled"] + seen.did.retries["connection"]
    return [
        Figure("no answer", found["no answer"] * asked, unanswered - 0.1, unanswered + len(seen.did.jobs)),
        exact("refused", found["refused"] * asked, seen.did.retries["checksum"], within=0.02),
    ]


def _turned_away(seen: Seen) -> list[Figure]:
    did = seen.did
    turned_away = {"token": did.refused_tokens, "limit: user_quota": did.refused_uploads}
    return each(seen.last("Who is turned away?"), turned_away)


def _signed(seen: Seen) -> list[Figure]:
    signed = seen.in_all("How many URLs are signed?")
    parts = seen.did.asked["UploadPart"]
    return [
        Figure("for parts", signed["UploadPart"], 1, 2 * parts),
        Figure("for files", signed["GetObject"], 1, 2 * seen.did.asked["GetObject"]),
    ]


FIGURES: dict[str, Figures] = {
    "How much of the error budgets is left?": _budgets,
    "How fast do the error budgets burn?": _burn_rates,
    "How is the API doing?": _api,
    "How long do requests take?": lambda seen: all_between(
        "time", seen.values("How long do requests take?"), 0, 60
    ),
    "What becomes of uploads?": lambda seen: each(seen.last("What becomes of uploads?"), seen.did.uploads),
    "Which jobs fail, and why?": lambda seen: each(
        seen.last("Which jobs fail, and why?"), {"config_refused": seen.did.refused_jobs}
    ),
    "Which requests to S3 fail?": _failed_requests,
    "Where were wrong bytes seen?": lambda seen: each(
        seen.last("Where were wrong bytes seen?"), {"download": seen.did.damaged_pulls}
    ),
    "Who is turned away?": _turned_away,
    "How many URLs are signed?": _signed,
    "Which processes tell of themselves?": lambda seen: each(
        seen.last("Which processes tell of themselves?"),
        {"service": 2, "worker": 2, "client": seen.did.commands},
    ),
    "Is any telemetry lost?": lambda seen: [
        Figure(
            signal, seen.last("Is any telemetry lost?").get(signal, 0), seen.did.unheard, 5 * seen.did.unheard
        )
        for signal in ("traces", "metrics")
    ],
    "Which alarms are raised?": lambda seen: [
        exact(alarm, seen.last("Which alarms are raised?").get(alarm, 0), 1)
        for alarm in ("ticket: JobsFail", "page: BytesDamaged")
    ],
}
