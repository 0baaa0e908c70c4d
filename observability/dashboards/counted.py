"""Pure: recording rules of how often things happened, which the alarms are made of."""

from __future__ import annotations

from typing import Any

from dashboards.promql import grown
from sleap_rtc.observability.instruments import (
    CACHE_EVICTIONS,
    CACHE_LOOKUPS,
    COST,
    EPOCHS,
    HEARTBEAT_FAILURES,
    INTEGRITY_FAILURES,
    JOB_FAILURES,
    JOB_STEPS,
    LIVE_SESSIONS,
    MANIFEST_WRITES,
    MENDED,
    QUEUE_LAG,
    S3_REQUESTS,
    SWEEPS,
    TELEMETRY_LOST,
    WAKE_LATENCY,
)

_COUNTED = {
    "heartbeat_failures:grown15m": grown(HEARTBEAT_FAILURES, "queue", window="15m"),
    "notices_received:grown30m": grown(QUEUE_LAG, "queue", window="30m", queue="!jobs"),
    "sweeps_done:grown30m": grown(SWEEPS, window="30m", outcome="done"),
    "mended:grown1h": grown(MENDED, "what", window="1h"),
    "manifest_writes:grown15m": grown(MANIFEST_WRITES, window="15m"),
    "manifest_writes_lost:grown15m": grown(MANIFEST_WRITES, window="15m", result="lost"),
    "wakes:grown6h": grown(WAKE_LATENCY, window="6h"),
    "workers_lost:grown6h": grown(JOB_STEPS, window="6h", state="lost"),
    "job_failures:grown1h": grown(JOB_FAILURES, "code", window="1h"),
    "job_failures:grown6h": grown(JOB_FAILURES, "code", window="6h"),
    "cache_evictions:grown6h": grown(CACHE_EVICTIONS, "instance", window="6h"),
    "cache_hits:grown6h": grown(CACHE_LOOKUPS, "instance", window="6h", result="hit"),
    "cache_misses:grown6h": grown(CACHE_LOOKUPS, "instance", window="6h", result="miss"),
    "epochs:grown30m": grown(EPOCHS, "instance", window="30m"),
    "s3_requests:grown15m": grown(S3_REQUESTS, window="15m"),
    "s3_requests_failed:grown15m": grown(
        S3_REQUESTS, window="15m", outcome=("failed", "throttled", "refused")
    ),
    "integrity_failures:grown1h": grown(INTEGRITY_FAILURES, "where", window="1h"),
    "live_sessions:grown1d": grown(LIVE_SESSIONS, window="1d", path=("direct", "relayed")),
    "live_sessions_relayed:grown1d": grown(LIVE_SESSIONS, window="1d", path="relayed"),
    "cost_usd:grown1h": grown(COST, window="1h"),
    "cost_usd:grown1d": grown(COST, window="1d"),
    "telemetry_lost:grown30m": grown(TELEMETRY_LOST, "signal", window="30m"),
}


def rules() -> dict[str, Any]:
    """Return the recording rules."""
    counted = [{"record": f"sleap_rtc:{name}", "expr": expr} for name, expr in _COUNTED.items()]
    return {"groups": [{"name": "sleap-rtc-counted", "rules": counted}]}
