"""Pure: the metrics of files on their way."""

from __future__ import annotations

from typing import Final

from sleap_rtc.observability.instrument import Instrument, Kind
from sleap_rtc.observability.instruments.words import (
    CONTENT,
    DIRECTION,
    GOODPUT,
    MOVERS,
    OUTCOME,
    PATH,
    WORK_S,
    label,
)

TRANSFER_SIZE: Final = Instrument(
    "sleap_rtc.transfer.size",
    Kind.COUNTER,
    "By",
    "Bytes that arrived (acknowledged by the store, verified by who fetches), told part by part.",
    (DIRECTION, PATH, CONTENT),
    parts=MOVERS,
)

TRANSFERS: Final = Instrument(
    "sleap_rtc.transfers",
    Kind.COUNTER,
    "{transfer}",
    "Transfers by how they ended.",
    (DIRECTION, PATH, CONTENT, OUTCOME),
    parts=MOVERS,
)

TRANSFER_DURATION: Final = Instrument(
    "sleap_rtc.transfer.duration",
    Kind.HISTOGRAM,
    "s",
    "How long transfers that were done took.",
    (DIRECTION, PATH, CONTENT),
    WORK_S,
    MOVERS,
)

TRANSFER_GOODPUT: Final = Instrument(
    "sleap_rtc.transfer.goodput",
    Kind.HISTOGRAM,
    "By/s",
    "Bytes a second of transfers that were done, without what an earlier run had brought over.",
    (DIRECTION, PATH),
    GOODPUT,
    MOVERS,
)

TRANSFER_RETRIES: Final = Instrument(
    "sleap_rtc.transfer.retries",
    Kind.COUNTER,
    "{part}",
    "Parts and ranges that were tried again, by why.",
    (
        DIRECTION,
        label("reason", "timeout", "connection", "throttled", "server", "checksum", "expired", "refused"),
    ),
    parts=MOVERS,
)

TRANSFER_OUTAGES: Final = Instrument(
    "sleap_rtc.transfer.outages",
    Kind.COUNTER,
    "{outage}",
    "Times that a transfer held off since the store or the network was away.",
    (DIRECTION,),
    parts=MOVERS,
)

HEDGES: Final = Instrument(
    "sleap_rtc.transfer.hedges",
    Kind.COUNTER,
    "{part}",
    "Late parts that were tried a second time, by whether the second try won.",
    (DIRECTION, label("won", "yes", "no")),
    parts=MOVERS,
)

WASTED_SIZE: Final = Instrument(
    "sleap_rtc.transfer.wasted",
    Kind.COUNTER,
    "By",
    "Bytes that arrived twice.",
    (DIRECTION,),
    parts=MOVERS,
)

RESUMES: Final = Instrument(
    "sleap_rtc.transfer.resumes",
    Kind.COUNTER,
    "{transfer}",
    "Transfers that went on from what an earlier run had brought over.",
    (DIRECTION,),
    parts=MOVERS,
)

RESUMED_SIZE: Final = Instrument(
    "sleap_rtc.transfer.resumed",
    Kind.COUNTER,
    "By",
    "Bytes that an earlier run had brought over and that were not sent again.",
    (DIRECTION,),
    parts=MOVERS,
)

INTEGRITY_FAILURES: Final = Instrument(
    "sleap_rtc.integrity_failures",
    Kind.COUNTER,
    "{failure}",
    "Bytes that were not what they should be, by where that was seen.",
    (label("where", "upload", "download", "cache"),),
    parts=MOVERS,
)

EVERY: Final = (
    TRANSFER_SIZE,
    TRANSFERS,
    TRANSFER_DURATION,
    TRANSFER_GOODPUT,
    TRANSFER_RETRIES,
    TRANSFER_OUTAGES,
    HEDGES,
    WASTED_SIZE,
    RESUMES,
    RESUMED_SIZE,
    INTEGRITY_FAILURES,
)
