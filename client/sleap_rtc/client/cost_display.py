"""Adapter: prints what rooms and jobs cost."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sleap_rtc.client.display import console, human_bytes, print_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sleap_rtc.events.cost_api import JobCost, RoomCosts
    from sleap_rtc.storage.price_list import PriceList
    from sleap_rtc.storage.saving_table import Holds, Saving

KINDS = {
    "s3_write": "S3 writes and lists",
    "s3_read": "S3 reads",
    "storage": "S3 storage",
    "egress": "S3 to the internet",
    "sqs": "SQS",
    "sns": "SNS",
    "relay": "TURN relay",
}
_BAR = 30


def money(amount: float) -> str:
    """Return an amount with as many digits as it takes to see that it is not nothing."""
    if amount == 0:
        return "0"
    if abs(amount) >= 1:
        return f"{amount:,.2f}"
    digits = max(6, 1 - math.floor(math.log10(abs(amount))))
    return f"{amount:.{digits}f}".rstrip("0").rstrip(".")


def print_costs(costs: RoomCosts) -> None:
    """Print a room's costs: its jobs, its kinds with a bar each, TURN beside it, and what was assumed."""
    unit = costs.prices.currency
    print_table(
        f"Jobs since {costs.since:%Y-%m-%d %H:%M} UTC, {unit}",
        ("job", "state", "dataset", "S3 and queues", "over TURN", "saved", "not told"),
        [_job_row(job) for job in costs.jobs],
        "There are no jobs in this period.",
    )
    if costs.truncated:
        console.print(
            "There are more jobs in the period; only the newest are counted. Say a shorter --since."
        )
    print_kinds(costs.cost, costs.total, unit)
    if costs.room.total:
        console.print(f"Of this, {money(costs.room.total)} {unit} belongs to the room and to no job.")
    print_saving(costs.total, costs.relay, unit)
    if costs.not_told:
        console.print(
            f"{costs.not_told} attempts of workers are not told of, so what they used is missing here."
        )
    print_assumptions(costs.assumptions)


def _job_row(job: JobCost) -> Sequence[str]:
    silent = [f"attempt {attempt.attempt}" for attempt in job.attempts if attempt.told == "not_told"]
    silent += [] if job.client_told else ["client"]
    return (
        job.job_id,
        job.state,
        human_bytes(job.dataset_bytes),
        money(job.bill.total),
        money(job.relay),
        money(job.saving),
        ", ".join(silent),
    )


def print_kinds(cost: Mapping[str, float], total: float, unit: str) -> None:
    """Print what costs what, with a bar for its share."""
    rows = [
        (KINDS.get(kind, kind), money(amount), "█" * round(_BAR * amount / total) if total else "")
        for kind, amount in sorted(cost.items(), key=lambda each: -each[1])
    ]
    print_table("", ("kind", unit, ""), [*rows, ("total", money(total), "")], "")


def print_saving(total: float, relay: float, unit: str) -> None:
    """Print what TURN would have cost, also where that is less."""
    if relay == 0:
        console.print(f"Over TURN it would have cost nothing, so S3 cost {money(total)} {unit} more.")
    elif relay >= total:
        console.print(
            f"Over TURN it would have cost {money(relay)} {unit}: "
            f"S3 saved {money(relay - total)} {unit} ({1 - total / relay:.0%})."
        )
    else:
        console.print(
            f"Over TURN it would have cost {money(relay)} {unit}: "
            f"S3 cost {money(total - relay)} {unit} more ({total / relay - 1:.0%})."
        )


def print_assumptions(assumptions: Iterable[str]) -> None:
    """Print what was taken to hold."""
    console.print("\nAssumed:")
    for each in assumptions:
        console.print(f"  {each}", markup=False)


def print_savings(savings: Sequence[Saving], holds: Sequence[Holds], prices: PriceList) -> None:
    """Print the table of savings, and where the claim holds."""
    workers = list(dict.fromkeys(saving.worker for saving in savings))
    by_case: dict[tuple[str, str, str], dict[str, Saving]] = {}
    for saving in savings:
        case = (f"{saving.relay_gb:.2f}", f"{saving.relay_share:.0%}", f"{saving.resent:g}")
        by_case.setdefault(case, {})[saving.worker] = saving
    print_table(
        f"What S3 saves against TURN for 5 GB and a model of 0.5 GB, prices of {prices.as_of}",
        (f"relay, {prices.currency}/GB", "relayed", "sent per byte", *(f"worker {each}" for each in workers)),
        [
            (*case, *(f"{found[each].saving:.0%} ({found[each].verdict})" for each in workers))
            for case, found in by_case.items()
        ],
        "",
    )
    print_table(
        "\n40 to 70% is saved where so much is relayed",
        (f"relay, {prices.currency}/GB", "sent per byte", "worker", "S3 costs more", "as claimed", "more"),
        [
            (
                f"{each.relay_gb:.2f}",
                f"{each.resent:g}",
                each.worker,
                "always" if each.dearer_below > 1 else f"below {each.dearer_below:.0%}",
                _between(each.from_share, each.to_share),
                f"above {_share(each.to_share)}" if each.to_share < 1 else "never",
            )
            for each in holds
        ],
        "",
    )


def _share(share: float) -> str:
    return "100%" if share > 1 else f"{share:.0%}"


def _between(least: float, most: float) -> str:
    return "never" if least > 1 else f"{_share(least)} to {_share(most)}"
