"""Cost: what the measured run should have shown."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sleap_rtc.storage.cost import price_class, unit_price
from sleap_rtc.storage.price_list import GB
from sleap_rtc.storage.price_table import LIST_PRICES
from sleap_rtc.storage.relay_alternative import Assumptions, relay_cost
from support.figures.seen import Figure, all_between, each, exact
from support.figures.transport import of_s3
from support.measured_run import ROOMS, UPLOADS

if TYPE_CHECKING:
    from support.figures.seen import Figures, Seen

_KINDS = ("s3_write", "s3_read", "egress", "sqs", "sns")
_LATE = 0.1
"""Of requests: a service asks all the time, and a killed worker tells nothing of its last second."""


def _spent(seen: Seen) -> dict[str, float]:
    """Return what should have been spent, by kind, of what passed the proxy and of bytes that are known."""
    spent: defaultdict[str, float] = defaultdict(float)
    for operation, count in (seen.did.asked - seen.did.untold).items():
        if kind := price_class(f"s3.{operation}"):
            spent[kind] += count * unit_price(kind, LIST_PRICES)
    spent["sqs"] = seen.told("sleap_rtc_sqs_requests_total") * LIST_PRICES.sqs
    spent["sns"] = seen.told('sleap_rtc_sns_requests_total{operation="Publish"}') * LIST_PRICES.sns
    spent["egress"] = _downloaded(seen, "internet") / GB * LIST_PRICES.egress_gb
    return dict(spent)


def _downloaded(seen: Seen, path: str) -> float:
    return seen.told(f'sleap_rtc_transfer_size_bytes_total{{direction="download",path="{path}"}}')


def _relayed(seen: Seen) -> list[Figure]:
    """Bytes that went through S3 to whom they were for: datasets to workers, models to clients."""
    through_s3 = int(seen.did.fetched_bytes + seen.did.pulled_bytes - _downloaded(seen, "peer"))
    (found,) = seen.last("What would it have cost through a relay?").values()
    least, most = (
        relay_cost(size_bytes, Assumptions(), LIST_PRICES)
        for size_bytes in (through_s3, through_s3 + seen.did.damaged_bytes)
    )
    return [Figure("through a relay", found, least, most)]


def _kinds(seen: Seen) -> list[Figure]:
    found = {kind: an_hour / 3600 for kind, an_hour in seen.in_all("What is the money spent on?").items()}
    expected = _spent(seen)
    return [exact(kind, found[kind], expected[kind], _LATE) for kind in _KINDS]


def _ways(seen: Seen) -> list[Figure]:
    found, did = seen.last("Which bytes cost money?"), seen.did
    peers = found.get("download, peer", 0)
    checkpoints = seen.told('sleap_rtc_transfer_size_bytes_total{direction="download",content="checkpoint"}')
    fetched = did.fetched_bytes + did.pulled_bytes + checkpoints
    return [
        Figure(
            "from S3 across the internet",
            found["download, internet"],
            fetched - peers,
            fetched - peers + did.damaged_bytes,
        ),
        exact("within the region", found.get("download, in_region", 0), 0),
        exact("through a relay", found.get("download, relay", 0), 0),
    ]


def _requests(seen: Seen) -> list[Figure]:
    found = {
        name.removeprefix("S3 "): count for name, count in seen.last("Which requests were made?").items()
    }
    others = {name: count for name, count in found.items() if name.startswith(("SQS ", "SNS "))}
    sqs, sns = (
        sum(count for name, count in others.items() if name.startswith(of)) for of in ("SQS ", "SNS ")
    )
    return [
        *of_s3(seen, {name: count for name, count in found.items() if name not in others}),
        exact("SQS", sqs, seen.told("sleap_rtc_sqs_requests_total"), within=0.01),
        exact("SNS", sns, seen.told("sleap_rtc_sns_requests_total"), within=0.01),
        Figure("SNS Publish", found["SNS Publish"], seen.did.heard, 100 * seen.did.heard),
    ]


FIGURES: dict[str, Figures] = {
    "What was spent?": lambda seen: [
        exact("spent", seen.last("What was spent?")["spent"], sum(_spent(seen).values()), _LATE)
    ],
    "What would it have cost through a relay?": _relayed,
    "What will a month cost at this rate?": lambda seen: [
        exact(
            "a month",
            seen.last("What will a month cost at this rate?")["a month"],
            30 * sum(_spent(seen).values()),
            _LATE,
        )
    ],
    "How many uploads were left unfinished?": lambda seen: [
        exact("orphaned", seen.last("How many uploads were left unfinished?")["orphaned"], 0)
    ],
    "What is the money spent on?": _kinds,
    "Is today like last week?": lambda seen: [
        exact("now", seen.last("Is today like last week?")["now"], sum(_spent(seen).values()), _LATE),
        *all_between("a week ago", seen.values("Is today like last week?", "a week ago"), 0, 0),
    ],
    "Which bytes cost money?": _ways,
    "How many bytes did S3 not have to serve?": lambda seen: each(
        seen.last("How many bytes did S3 not have to serve?"), {"direct": _downloaded(seen, "peer")}
    ),
    # The second instance looked when it began; the records of what it did came later.
    "What lies in the buckets?": lambda seen: [
        exact("uploads", seen.last("What lies in the buckets?")["uploads"], seen.did.stored[UPLOADS], 0.01),
        exact("rooms", seen.last("What lies in the buckets?")["rooms"], seen.did.stored[ROOMS], 0.1),
    ],
    "Which requests were made?": _requests,
}
