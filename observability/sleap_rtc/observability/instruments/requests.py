"""Pure: the metrics of requests, to the cloud and to the service."""

from __future__ import annotations

from typing import Final

from sleap_rtc.observability.instrument import Instrument, Kind
from sleap_rtc.observability.instruments.words import ALL, CLOUD, OPERATION, REQUEST_S, SERVICE, label

S3_REQUESTS: Final = Instrument(
    "sleap_rtc.s3.requests",
    Kind.COUNTER,
    "{request}",
    "Requests to S3, retries among them, by S3's own name for them.",
    (OPERATION, label("outcome", "ok", "conflict", "missing", "refused", "throttled", "failed")),
    parts=ALL,
)

S3_DURATION: Final = Instrument(
    "sleap_rtc.s3.duration",
    Kind.HISTOGRAM,
    "s",
    "How long requests to S3 took until their answer's head came.",
    (OPERATION,),
    REQUEST_S,
    ALL,
)

SQS_REQUESTS: Final = Instrument(
    "sleap_rtc.sqs.requests",
    Kind.COUNTER,
    "{request}",
    "Requests to SQS.",
    (
        label(
            "operation",
            *("ReceiveMessage", "SendMessage", "DeleteMessageBatch", "ChangeMessageVisibility"),
            *("GetQueueUrl", "GetQueueAttributes", "SetQueueAttributes", "CreateQueue", "DeleteQueue"),
            attribute="messaging.operation.name",
        ),
    ),
    parts=CLOUD,
)

SNS_REQUESTS: Final = Instrument(
    "sleap_rtc.sns.requests",
    Kind.COUNTER,
    "{request}",
    "Requests to SNS.",
    (label("operation", "Publish", "CreateTopic", "Subscribe", "Unsubscribe"),),
    parts=CLOUD,
)

HTTP_DURATION: Final = Instrument(
    "http.server.request.duration",
    Kind.HISTOGRAM,
    "s",
    "How long the service took for requests; streams and long polls are left out.",
    (
        label("method", "GET", "POST", "PUT", "DELETE", "PATCH", attribute="http.request.method"),
        label(
            "area",
            "uploads",
            "downloads",
            "rooms",
            "jobs",
            "models",
            "workers",
            "sign_in",
            "signaling",
            "health",
        ),
        label("status", "2xx", "3xx", "4xx", "5xx", attribute="http.response.status_code"),
    ),
    REQUEST_S,
    SERVICE,
)

SIGNED_URLS: Final = Instrument(
    "sleap_rtc.signed_urls",
    Kind.COUNTER,
    "{url}",
    "URLs that the service signed.",
    (label("operation", "UploadPart", "GetObject"),),
    parts=SERVICE,
)

UPLOADS: Final = Instrument(
    "sleap_rtc.uploads",
    Kind.COUNTER,
    "{upload}",
    "Uploads of datasets, by what became of them.",
    (label("state", "opened", "completed", "aborted"),),
    parts=SERVICE,
)

UNFINISHED_UPLOADS: Final = Instrument(
    "sleap_rtc.unfinished_uploads",
    Kind.GAUGE,
    "{upload}",
    "Multipart uploads that were begun and neither completed nor aborted, by bucket and age.",
    (label("bucket", "uploads", "rooms"), label("age", "fresh", "orphaned")),
    parts=SERVICE,
)

LIMITED: Final = Instrument(
    "sleap_rtc.limited_requests",
    Kind.COUNTER,
    "{request}",
    "Requests that were refused since a user or a room had too many.",
    (label("limit", "user", "room", "user_quota", "room_quota"),),
    parts=SERVICE,
)

REFUSED_TOKENS: Final = Instrument(
    "sleap_rtc.refused_tokens",
    Kind.COUNTER,
    "{request}",
    "Requests whose token was missing, expired or no good.",
    (),
    parts=SERVICE,
)

EVERY: Final = (
    S3_REQUESTS,
    S3_DURATION,
    SQS_REQUESTS,
    SNS_REQUESTS,
    HTTP_DURATION,
    SIGNED_URLS,
    UPLOADS,
    UNFINISHED_UPLOADS,
    LIMITED,
    REFUSED_TOKENS,
)
