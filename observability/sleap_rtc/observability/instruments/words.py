"""Pure: what the metrics have in common: their labels, and the bounds of their buckets."""

from __future__ import annotations

from typing import Final

from sleap_rtc.events.delivery import Trouble
from sleap_rtc.events.jobs import JobState
from sleap_rtc.observability.instrument import Label

CLIENT: Final = frozenset({"client"})
WORKER: Final = frozenset({"worker"})
SERVICE: Final = frozenset({"service"})
MOVERS: Final = CLIENT | WORKER
CLOUD: Final = WORKER | SERVICE
ALL: Final = CLIENT | WORKER | SERVICE

REQUEST_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Those that the semantic conventions advise for `http.server.request.duration`."""
LIVE_S: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
# From a wake-up that is due within ten seconds to a training that takes a day.
LAG_S: Final = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14_400)
WORK_S: Final = (0.05, 0.2, 1, 5, 30, 120, 600, 1800, 3600, 10_800, 43_200, 86_400)
GOODPUT: Final = (250e3, 500e3, 1e6, 2.5e6, 5e6, 10e6, 25e6, 50e6, 100e6, 250e6, 500e6, 1e9)


def label(name: str, *values: str, attribute: str = "") -> Label:
    """Return a label that can have these values."""
    return Label(name, frozenset(values), attribute)


DIRECTION: Final = label("direction", "upload", "download")
PATH: Final = label("path", "internet", "in_region", "peer", "relay", "shared")
"""S3 across the internet or inside its region, a peer directly or through a relay, a folder that both see."""
CONTENT: Final = label("content", "dataset", "model", "checkpoint", "results", "log")
OUTCOME: Final = label("outcome", "done", "failed", "cancelled")
OPERATION: Final = label(
    "operation",
    *("PutObject", "GetObject", "HeadObject", "DeleteObject", "ListObjectsV2", "ListMultipartUploads"),
    *("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "AbortMultipartUpload", "ListParts"),
    attribute="rpc.method",
)
QUEUE: Final = label("queue", "jobs", "upload-events", "model-events", "room-events")
"""The role of a queue, never its name, in which a room may stand."""
TROUBLE: Final = label("trouble", *(trouble.value for trouble in Trouble))
STATE: Final = label("state", *(state.value for state in JobState))
GPU: Final = label("gpu", *(str(number) for number in range(16)))
