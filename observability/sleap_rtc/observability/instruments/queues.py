"""Pure: the metrics of queues."""

from __future__ import annotations

from typing import Final

from sleap_rtc.observability.instrument import Instrument, Kind
from sleap_rtc.observability.instruments.words import CLOUD, LAG_S, QUEUE, SERVICE, TROUBLE, WORK_S, label

MESSAGES: Final = Instrument(
    "sleap_rtc.queue.messages",
    Kind.COUNTER,
    "{message}",
    "Messages by what became of them.",
    (QUEUE, label("outcome", "received", "settled", "retried", "buried", "lost", "given_back")),
    parts=CLOUD,
)

QUEUE_RETRIES: Final = Instrument(
    "sleap_rtc.queue.retries",
    Kind.COUNTER,
    "{message}",
    "Messages to be tried again, by the kind of trouble.",
    (QUEUE, TROUBLE),
    parts=CLOUD,
)

POISON: Final = Instrument(
    "sleap_rtc.poison_messages",
    Kind.COUNTER,
    "{message}",
    "Messages moved to the dead letters, by reason code.",
    (
        QUEUE,
        label(
            "reason",
            *("not_json", "unknown_form", "unknown_version", "foreign_bucket", "foreign_key", "foreign_room"),
            *("unknown_upload", "unknown_job", "refused", "gave_up", "too_large"),
        ),
    ),
    parts=CLOUD,
)

QUEUE_LAG: Final = Instrument(
    "sleap_rtc.queue.lag",
    Kind.HISTOGRAM,
    "s",
    "How long messages lay on the queue before their first receipt.",
    (QUEUE,),
    LAG_S,
    CLOUD,
)

QUEUE_HANDLING: Final = Instrument(
    "sleap_rtc.queue.handling",
    Kind.HISTOGRAM,
    "s",
    "How long settled messages were handled.",
    (QUEUE,),
    WORK_S,
    CLOUD,
)

HANDOVERS: Final = Instrument(
    "sleap_rtc.queue.handovers",
    Kind.COUNTER,
    "{message}",
    "Messages replaced by a continuation before SQS's 12 hours were over.",
    (QUEUE,),
    parts=CLOUD,
)

HEARTBEAT_FAILURES: Final = Instrument(
    "sleap_rtc.queue.heartbeat_failures",
    Kind.COUNTER,
    "{heartbeat}",
    "Heartbeats that did not get through.",
    (QUEUE,),
    parts=CLOUD,
)

SLOTS_IN_USE: Final = Instrument(
    "sleap_rtc.queue.slots_in_use",
    Kind.GAUGE,
    "{message}",
    "Messages being handled now.",
    (QUEUE,),
    parts=CLOUD,
)

QUEUE_DEPTH: Final = Instrument(
    "sleap_rtc.queue.depth",
    Kind.GAUGE,
    "{message}",
    "Messages that wait, are held, or are not due yet; for `jobs`, of all rooms together.",
    (QUEUE, label("standing", "waiting", "held", "delayed")),
    parts=SERVICE,
)

DEAD_LETTERS: Final = Instrument(
    "sleap_rtc.dead_letters",
    Kind.GAUGE,
    "{message}",
    "Messages among the dead letters; for `jobs`, of all rooms together.",
    (QUEUE,),
    parts=SERVICE,
)

EVERY: Final = (
    MESSAGES,
    QUEUE_RETRIES,
    POISON,
    QUEUE_LAG,
    QUEUE_HANDLING,
    HANDOVERS,
    HEARTBEAT_FAILURES,
    SLOTS_IN_USE,
    QUEUE_DEPTH,
    DEAD_LETTERS,
)
