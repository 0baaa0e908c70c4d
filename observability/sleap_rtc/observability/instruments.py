"""Pure: the one table of every metric. Code, dashboards, rules and the reference are tested against it.

No label ever names a room, a user, a job or an upload: what is asked of one of those is asked of its record.
"""

from __future__ import annotations

from typing import Final

from sleap_rtc.events.jobs import JobState
from sleap_rtc.observability.instrument import Instrument, Kind, Label

_CLIENT, _WORKER, _SERVICE = frozenset({"client"}), frozenset({"worker"}), frozenset({"service"})
_MOVERS = _CLIENT | _WORKER
_CLOUD = _WORKER | _SERVICE
_ALL = _CLIENT | _WORKER | _SERVICE

_REQUEST_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Those that the semantic conventions advise for `http.server.request.duration`."""
_LIVE_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
# From a wake-up that is due within ten seconds to a training that takes a day.
_LAG_S = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14_400)
_WORK_S = (0.05, 0.2, 1, 5, 30, 120, 600, 1800, 3600, 10_800, 43_200, 86_400)
_GOODPUT = (250e3, 500e3, 1e6, 2.5e6, 5e6, 10e6, 25e6, 50e6, 100e6, 250e6, 500e6, 1e9)


def _label(name: str, *values: str, attribute: str = "") -> Label:
    return Label(name, frozenset(values), attribute)


DIRECTION: Final = _label("direction", "upload", "download")
PATH: Final = _label("path", "internet", "in_region", "peer", "relay", "shared")
"""S3 across the internet or inside its region, a peer directly or through a relay, a folder that both see."""
CONTENT: Final = _label("content", "dataset", "model", "checkpoint", "results", "log")
OUTCOME: Final = _label("outcome", "done", "failed", "cancelled")
OPERATION: Final = _label(
    "operation",
    *("PutObject", "GetObject", "HeadObject", "DeleteObject", "DeleteObjects", "CopyObject", "ListObjectsV2"),
    *("ListObjectVersions", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"),
    *("AbortMultipartUpload", "ListParts", "ListMultipartUploads", "HeadBucket", "PutObjectTagging"),
    attribute="rpc.method",
)
QUEUE: Final = _label("queue", "jobs", "upload-events", "model-events", "room-events")
"""The role of a queue, never its name, in which a room may stand."""
STATE: Final = _label("state", *(state.value for state in JobState))
GPU: Final = _label("gpu", *(str(number) for number in range(16)))

_TRANSFERS: Final = (
    TRANSFER_SIZE := Instrument(
        "sleap_rtc.transfer.size",
        Kind.COUNTER,
        "By",
        "Bytes that arrived (acknowledged by the store, verified by who fetches), told part by part.",
        (DIRECTION, PATH, CONTENT),
        parts=_MOVERS,
    ),
    TRANSFERS := Instrument(
        "sleap_rtc.transfers",
        Kind.COUNTER,
        "{transfer}",
        "Transfers by how they ended.",
        (DIRECTION, PATH, CONTENT, OUTCOME),
        parts=_MOVERS,
    ),
    TRANSFER_DURATION := Instrument(
        "sleap_rtc.transfer.duration",
        Kind.HISTOGRAM,
        "s",
        "How long transfers that were done took.",
        (DIRECTION, PATH, CONTENT),
        _WORK_S,
        _MOVERS,
    ),
    TRANSFER_GOODPUT := Instrument(
        "sleap_rtc.transfer.goodput",
        Kind.HISTOGRAM,
        "By/s",
        "Bytes a second of transfers that were done, without what an earlier run had brought over.",
        (DIRECTION, PATH),
        _GOODPUT,
        _MOVERS,
    ),
    TRANSFER_RETRIES := Instrument(
        "sleap_rtc.transfer.retries",
        Kind.COUNTER,
        "{part}",
        "Parts and ranges that were tried again, by why.",
        (
            DIRECTION,
            _label(
                "reason", "timeout", "connection", "throttled", "server", "checksum", "expired", "refused"
            ),
        ),
        parts=_MOVERS,
    ),
    TRANSFER_OUTAGES := Instrument(
        "sleap_rtc.transfer.outages",
        Kind.COUNTER,
        "{outage}",
        "Times that a transfer held off since the store or the network was away.",
        (DIRECTION,),
        parts=_MOVERS,
    ),
    HEDGES := Instrument(
        "sleap_rtc.transfer.hedges",
        Kind.COUNTER,
        "{part}",
        "Late parts that were tried a second time, by whether the second try won.",
        (DIRECTION, _label("won", "yes", "no")),
        parts=_MOVERS,
    ),
    WASTED_SIZE := Instrument(
        "sleap_rtc.transfer.wasted",
        Kind.COUNTER,
        "By",
        "Bytes that arrived twice.",
        (DIRECTION,),
        parts=_MOVERS,
    ),
    RESUMES := Instrument(
        "sleap_rtc.transfer.resumes",
        Kind.COUNTER,
        "{transfer}",
        "Transfers that went on from what an earlier run had brought over.",
        (DIRECTION,),
        parts=_MOVERS,
    ),
    RESUMED_SIZE := Instrument(
        "sleap_rtc.transfer.resumed",
        Kind.COUNTER,
        "By",
        "Bytes that an earlier run had brought over and that were not sent again.",
        (DIRECTION,),
        parts=_MOVERS,
    ),
    INTEGRITY_FAILURES := Instrument(
        "sleap_rtc.integrity_failures",
        Kind.COUNTER,
        "{failure}",
        "Bytes that were not what they should be, by where that was seen.",
        (_label("where", "upload", "download", "cache", "archive"),),
        parts=_MOVERS,
    ),
)

_REQUESTS: Final = (
    S3_REQUESTS := Instrument(
        "sleap_rtc.s3.requests",
        Kind.COUNTER,
        "{request}",
        "Requests to S3, retries among them, by S3's own name for them.",
        (OPERATION, _label("outcome", "ok", "conflict", "missing", "refused", "throttled", "failed")),
        parts=_ALL,
    ),
    S3_DURATION := Instrument(
        "sleap_rtc.s3.duration",
        Kind.HISTOGRAM,
        "s",
        "How long requests to S3 took until their answer's head came.",
        (OPERATION,),
        _REQUEST_S,
        _ALL,
    ),
    SQS_REQUESTS := Instrument(
        "sleap_rtc.sqs.requests",
        Kind.COUNTER,
        "{request}",
        "Requests to SQS.",
        (
            _label(
                "operation",
                *("ReceiveMessage", "SendMessage", "DeleteMessage", "ChangeMessageVisibility"),
                *("GetQueueUrl", "GetQueueAttributes", "SetQueueAttributes", "CreateQueue", "DeleteQueue"),
                attribute="messaging.operation.name",
            ),
        ),
        parts=_CLOUD,
    ),
    SNS_REQUESTS := Instrument(
        "sleap_rtc.sns.requests",
        Kind.COUNTER,
        "{request}",
        "Requests to SNS.",
        (_label("operation", "Publish", "CreateTopic", "Subscribe", "Unsubscribe"),),
        parts=_CLOUD,
    ),
    HTTP_DURATION := Instrument(
        "http.server.request.duration",
        Kind.HISTOGRAM,
        "s",
        "How long the service took for requests; streams and long polls are left out.",
        (
            _label("method", "GET", "POST", "PUT", "DELETE", "PATCH", attribute="http.request.method"),
            _label("area", "uploads", "downloads", "rooms", "jobs", "models", "workers", "sign_in", "health"),
            _label("status", "2xx", "3xx", "4xx", "5xx", attribute="http.response.status_code"),
        ),
        _REQUEST_S,
        _SERVICE,
    ),
    SIGNED_URLS := Instrument(
        "sleap_rtc.signed_urls",
        Kind.COUNTER,
        "{url}",
        "URLs that the service signed.",
        (_label("operation", "UploadPart", "GetObject"),),
        parts=_SERVICE,
    ),
    UPLOADS := Instrument(
        "sleap_rtc.uploads",
        Kind.COUNTER,
        "{upload}",
        "Uploads of datasets, by what became of them.",
        (_label("state", "opened", "completed", "aborted", "already_present"),),
        parts=_SERVICE,
    ),
    UNFINISHED_UPLOADS := Instrument(
        "sleap_rtc.unfinished_uploads",
        Kind.GAUGE,
        "{upload}",
        "Multipart uploads that were begun and neither completed nor aborted, by bucket and age.",
        (_label("bucket", "uploads", "rooms"), _label("age", "fresh", "orphaned")),
        parts=_SERVICE,
    ),
    LIMITED := Instrument(
        "sleap_rtc.limited_requests",
        Kind.COUNTER,
        "{request}",
        "Requests that were refused since a user or a room had too many.",
        (_label("limit", "user", "room", "user_quota", "room_quota"),),
        parts=_SERVICE,
    ),
    REFUSED_TOKENS := Instrument(
        "sleap_rtc.refused_tokens",
        Kind.COUNTER,
        "{request}",
        "Requests whose token was missing, expired or no good.",
        (),
        parts=_SERVICE,
    ),
)

_QUEUES: Final = (
    MESSAGES := Instrument(
        "sleap_rtc.queue.messages",
        Kind.COUNTER,
        "{message}",
        "Messages by what became of them.",
        (QUEUE, _label("outcome", "received", "settled", "retried", "buried", "lost", "given_back")),
        parts=_CLOUD,
    ),
    QUEUE_RETRIES := Instrument(
        "sleap_rtc.queue.retries",
        Kind.COUNTER,
        "{message}",
        "Messages to be tried again, by the kind of trouble.",
        (QUEUE, _label("trouble", "outage", "transfer", "unexpected", "asked")),
        parts=_CLOUD,
    ),
    POISON := Instrument(
        "sleap_rtc.poison_messages",
        Kind.COUNTER,
        "{message}",
        "Messages moved to the dead letters, by reason code.",
        (
            QUEUE,
            _label(
                "reason",
                *("gave_up", "not_json", "unknown_version", "foreign_room", "foreign_bucket", "unknown_job"),
                *("unknown_key", "too_large", "unreadable"),
            ),
        ),
        parts=_CLOUD,
    ),
    QUEUE_LAG := Instrument(
        "sleap_rtc.queue.lag",
        Kind.HISTOGRAM,
        "s",
        "How long messages lay on the queue before their first receipt.",
        (QUEUE,),
        _LAG_S,
        _CLOUD,
    ),
    QUEUE_HANDLING := Instrument(
        "sleap_rtc.queue.handling",
        Kind.HISTOGRAM,
        "s",
        "How long settled messages were handled.",
        (QUEUE,),
        _WORK_S,
        _CLOUD,
    ),
    HANDOVERS := Instrument(
        "sleap_rtc.queue.handovers",
        Kind.COUNTER,
        "{message}",
        "Messages replaced by a continuation before SQS's 12 hours were over.",
        (QUEUE,),
        parts=_CLOUD,
    ),
    HEARTBEAT_FAILURES := Instrument(
        "sleap_rtc.queue.heartbeat_failures",
        Kind.COUNTER,
        "{heartbeat}",
        "Heartbeats that did not get through.",
        (QUEUE,),
        parts=_CLOUD,
    ),
    SLOTS_IN_USE := Instrument(
        "sleap_rtc.queue.slots_in_use",
        Kind.GAUGE,
        "{message}",
        "Messages being handled now.",
        (QUEUE,),
        parts=_CLOUD,
    ),
    QUEUE_DEPTH := Instrument(
        "sleap_rtc.queue.depth",
        Kind.GAUGE,
        "{message}",
        "Messages that wait, are held, or are hidden for a while; for `jobs`, of all rooms together.",
        (QUEUE, _label("standing", "waiting", "held", "delayed")),
        parts=_SERVICE,
    ),
    DEAD_LETTERS := Instrument(
        "sleap_rtc.dead_letters",
        Kind.GAUGE,
        "{message}",
        "Messages among the dead letters; for `jobs`, of all rooms together.",
        (QUEUE,),
        parts=_SERVICE,
    ),
)

_JOBS: Final = (
    JOB_STEPS := Instrument(
        "sleap_rtc.job.steps",
        Kind.COUNTER,
        "{step}",
        "Steps that jobs took, by the state that they came into.",
        (STATE,),
        parts=_CLOUD,
    ),
    JOBS := Instrument(
        "sleap_rtc.jobs",
        Kind.GAUGE,
        "{job}",
        "Jobs that have not ended, by state, as the last sweep found them.",
        (STATE,),
        parts=_SERVICE,
    ),
    OLDEST_WAITING := Instrument(
        "sleap_rtc.oldest_waiting_job",
        Kind.GAUGE,
        "s",
        "How long the oldest waiting job has waited, as the last sweep found it; 0 where none waits.",
        parts=_SERVICE,
    ),
    WAKE_LATENCY := Instrument(
        "sleap_rtc.wake_latency",
        Kind.HISTOGRAM,
        "s",
        "From the completed upload to the first claim by a worker.",
        (),
        _LAG_S,
        _CLOUD,
    ),
    JOB_STEP_DURATION := Instrument(
        "sleap_rtc.job.step.duration",
        Kind.HISTOGRAM,
        "s",
        "How long jobs stayed in a state.",
        (STATE,),
        _WORK_S,
        _CLOUD,
    ),
    JOB_FAILURES := Instrument(
        "sleap_rtc.job.failures",
        Kind.COUNTER,
        "{job}",
        "Jobs that failed, by code (docs/reference/exit-codes.md).",
        (
            _label(
                "code",
                *("failed", "package_refused", "dataset_not_here", "dataset_changed", "dataset_corrupt"),
                *(
                    "trainer_missing",
                    "training_failed",
                    "config_refused",
                    "training_diverged",
                    "out_of_memory",
                ),
                *("disk_full", "model_unavailable", "model_unsuitable", "skeleton_mismatch", "no_frames"),
                *("dataset_unusable", "options_refused", "tracking_failed", "refused", "transfer_cancelled"),
                *("worker_lost", "gave_up", "download_failed"),
            ),
        ),
        parts=_CLOUD,
    ),
    SWEEPS := Instrument(
        "sleap_rtc.sweeps",
        Kind.COUNTER,
        "{sweep}",
        "Reconcile sweeps, by how they ended.",
        (_label("outcome", "done", "failed"),),
        parts=_SERVICE,
    ),
    MENDED := Instrument(
        "sleap_rtc.mended",
        Kind.COUNTER,
        "{event}",
        "What a sweep did since the event for it was lost.",
        (_label("what", "dispatched", "queued", "published", "lost_worker"),),
        parts=_SERVICE,
    ),
    MANIFEST_WRITES := Instrument(
        "sleap_rtc.manifest.writes",
        Kind.COUNTER,
        "{write}",
        "Conditional writes of a room's log, by their answer; `ours` is a lost reply that was recognised.",
        (_label("result", "won", "lost", "ours"),),
        parts=_SERVICE,
    ),
    MANIFEST_ATTEMPTS := Instrument(
        "sleap_rtc.manifest.attempts",
        Kind.HISTOGRAM,
        "{write}",
        "How many conditional writes a change of a room took.",
        (),
        (1, 2, 3, 5, 8, 13, 20),
        _SERVICE,
    ),
    MODELS := Instrument(
        "sleap_rtc.models.published",
        Kind.COUNTER,
        "{model}",
        "Models that came into a room's manifest.",
        (),
        parts=_SERVICE,
    ),
    NOTIFICATIONS := Instrument(
        "sleap_rtc.notifications",
        Kind.COUNTER,
        "{event}",
        "Room events that were sent to streams.",
        (),
        parts=_SERVICE,
    ),
    STREAMS := Instrument(
        "sleap_rtc.event_streams",
        Kind.GAUGE,
        "{stream}",
        "Clients that listen to a room's events now.",
        (),
        parts=_SERVICE,
    ),
)

_LIVE: Final = (
    LIVE_SESSIONS := Instrument(
        "sleap_rtc.live.sessions",
        Kind.COUNTER,
        "{session}",
        "Live sessions that stood, by the way of their packets, and those that came to nothing.",
        (_label("path", "direct", "relayed", "none"),),
        parts=_MOVERS,
    ),
    LIVE_OPEN := Instrument(
        "sleap_rtc.live.open_sessions",
        Kind.GAUGE,
        "{session}",
        "Live sessions that stand now.",
        (),
        parts=_WORKER,
    ),
    LIVE_ROUND_TRIP := Instrument(
        "sleap_rtc.live.round_trip",
        Kind.HISTOGRAM,
        "s",
        "How long heartbeats of live sessions took there and back.",
        (),
        _LIVE_S,
        _MOVERS,
    ),
    LIVE_COMMANDS := Instrument(
        "sleap_rtc.live.commands",
        Kind.COUNTER,
        "{command}",
        "Commands that came to a job, by what they ask for and how they came.",
        (
            _label(
                "command",
                *("pause", "resume", "stop", "set_learning_rate", "sample", "transfer", "cancel_transfer"),
            ),
            _label("way", "live", "record"),
        ),
        parts=_WORKER,
    ),
    SIGNALING_PEERS := Instrument(
        "sleap_rtc.signaling.peers",
        Kind.GAUGE,
        "{peer}",
        "Peers that are connected to this instance's signaling.",
        (),
        parts=_SERVICE,
    ),
    SIGNALING_MESSAGES := Instrument(
        "sleap_rtc.signaling.messages",
        Kind.COUNTER,
        "{message}",
        "Messages that signaling passed on, or could not.",
        (_label("outcome", "passed_on", "undeliverable"),),
        parts=_SERVICE,
    ),
    PEER_SERVED := Instrument(
        "sleap_rtc.peer_served",
        Kind.COUNTER,
        "By",
        "Bytes of models that went to peers and not through S3, by the way they went.",
        (_label("path", "direct", "relayed"),),
        parts=_WORKER,
    ),
)

_WORKERS: Final = (
    WORKERS := Instrument(
        "sleap_rtc.workers",
        Kind.GAUGE,
        "{worker}",
        "Workers that checked in lately, by kind and by whether they have a job.",
        (_label("kind", "desktop", "runai", "kubernetes"), _label("busy", "yes", "no")),
        parts=_SERVICE,
    ),
    WORKER_BUSY := Instrument(
        "sleap_rtc.worker.busy",
        Kind.GAUGE,
        "1",
        "Whether this worker has a job: 0 or 1.",
        (),
        parts=_WORKER,
    ),
    EPOCHS := Instrument(
        "sleap_rtc.training.epochs",
        Kind.COUNTER,
        "{epoch}",
        "Epochs that were trained.",
        (),
        parts=_WORKER,
    ),
    EPOCH_DURATION := Instrument(
        "sleap_rtc.training.epoch.duration",
        Kind.HISTOGRAM,
        "s",
        "How long epochs took.",
        (),
        _WORK_S,
        _WORKER,
    ),
    CHECKPOINTS := Instrument(
        "sleap_rtc.training.checkpoints",
        Kind.COUNTER,
        "{checkpoint}",
        "Checkpoints that were sent to the room, and those that a job went on from.",
        (_label("what", "sent", "resumed_from", "failed"),),
        parts=_WORKER,
    ),
    CACHE_LOOKUPS := Instrument(
        "sleap_rtc.cache.lookups",
        Kind.COUNTER,
        "{lookup}",
        "Looks into the cache of datasets.",
        (_label("result", "hit", "miss"),),
        parts=_WORKER,
    ),
    CACHE_EVICTIONS := Instrument(
        "sleap_rtc.cache.evictions",
        Kind.COUNTER,
        "{dataset}",
        "Datasets that the cache let go of.",
        (),
        parts=_WORKER,
    ),
    CACHE_SIZE := Instrument(
        "sleap_rtc.cache.size",
        Kind.GAUGE,
        "By",
        "Bytes that the cache of datasets takes.",
        (),
        parts=_WORKER,
    ),
    CPU_LOAD := Instrument(
        "sleap_rtc.host.cpu",
        Kind.GAUGE,
        "1",
        "How busy the worker's processors are while it has a job, all together, 0 to 1.",
        (),
        parts=_WORKER,
    ),
    HOST_MEMORY := Instrument(
        "sleap_rtc.host.memory",
        Kind.GAUGE,
        "By",
        "Memory in use on the worker's machine while it has a job.",
        (),
        parts=_WORKER,
    ),
    GPU_LOAD := Instrument(
        "sleap_rtc.gpu.utilization",
        Kind.GAUGE,
        "1",
        "How busy a GPU is while the worker has a job, 0 to 1 (NVML).",
        (GPU,),
        parts=_WORKER,
    ),
    GPU_MEMORY := Instrument(
        "sleap_rtc.gpu.memory",
        Kind.GAUGE,
        "By",
        "Memory of a GPU in use.",
        (GPU,),
        parts=_WORKER,
    ),
    GPU_TEMPERATURE := Instrument(
        "sleap_rtc.gpu.temperature",
        Kind.GAUGE,
        "Cel",
        "Temperature of a GPU.",
        (GPU,),
        parts=_WORKER,
    ),
)

_COST: Final = (
    COST := Instrument(
        "sleap_rtc.cost",
        Kind.COUNTER,
        "USD",
        "What was used, at the prices of the price table.",
        (_label("kind", "s3_write", "s3_read", "egress", "sqs", "sns", "relay"),),
        parts=_ALL,
    ),
    COST_AVOIDED := Instrument(
        "sleap_rtc.cost_avoided",
        Kind.COUNTER,
        "USD",
        "What the bytes that went through S3 would have cost through a relay, at its share and price.",
        (),
        parts=_MOVERS,
    ),
    STORED := Instrument(
        "sleap_rtc.stored",
        Kind.GAUGE,
        "By",
        "Bytes that lie in a bucket, as the last look found them.",
        (_label("bucket", "uploads", "rooms"),),
        parts=_SERVICE,
    ),
)

_ITSELF: Final = (
    BUILD := Instrument(
        "sleap_rtc.build_info",
        Kind.GAUGE,
        "{process}",
        "1, for each process that runs.",
        (_label("part", "client", "worker", "service"),),
        parts=_ALL,
    ),
    TELEMETRY_LOST := Instrument(
        "sleap_rtc.telemetry.lost",
        Kind.COUNTER,
        "{batch}",
        "Batches that a collector did not take.",
        (_label("signal", "traces", "metrics"),),
        parts=_ALL,
    ),
)

INSTRUMENTS: Final = (
    *_TRANSFERS,
    *_REQUESTS,
    *_QUEUES,
    *_JOBS,
    *_LIVE,
    *_WORKERS,
    *_COST,
    *_ITSELF,
)
"""All of them, in the order of the reference."""
