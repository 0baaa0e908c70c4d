"""Pure: the metrics of the metrics, and of the processes that tell them."""

from __future__ import annotations

from typing import Final

from sleap_rtc.observability.instrument import Instrument, Kind
from sleap_rtc.observability.instruments.words import ALL, label

BUILD: Final = Instrument(
    "sleap_rtc.build_info",
    Kind.GAUGE,
    "{process}",
    "1, for each process that runs.",
    (label("part", "client", "worker", "service"),),
    parts=ALL,
)

TELEMETRY_LOST: Final = Instrument(
    "sleap_rtc.telemetry.lost",
    Kind.COUNTER,
    "{batch}",
    "Batches that a collector did not take.",
    (label("signal", "traces", "metrics"),),
    parts=ALL,
)

EVERY: Final = (
    BUILD,
    TELEMETRY_LOST,
)
