"""Pure: the metrics of what is used and lies in the store, in money and bytes."""

from __future__ import annotations

from typing import Final

from sleap_rtc.observability.instrument import Instrument, Kind
from sleap_rtc.observability.instruments.words import ALL, MOVERS, SERVICE, label

COST: Final = Instrument(
    "sleap_rtc.cost",
    Kind.COUNTER,
    "USD",
    "What was used, at the prices of the price table.",
    (label("kind", "s3_write", "s3_read", "egress", "sqs", "sns", "relay"),),
    parts=ALL,
)

COST_AVOIDED: Final = Instrument(
    "sleap_rtc.cost_avoided",
    Kind.COUNTER,
    "USD",
    "What the bytes that went through S3 would have cost through a relay, at its share and price.",
    (),
    parts=MOVERS,
)

STORED: Final = Instrument(
    "sleap_rtc.stored",
    Kind.GAUGE,
    "By",
    "Bytes that lie in a bucket, as the last look found them.",
    (label("bucket", "uploads", "rooms"),),
    parts=SERVICE,
)

EVERY: Final = (
    COST,
    COST_AVOIDED,
    STORED,
)
