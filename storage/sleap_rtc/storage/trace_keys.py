"""Pure: where the traces of jobs lie in the rooms bucket.

{room_id}/jobs/{job_id}/trace/{ulid}.json    a few spans each, written once
"""

from __future__ import annotations

from sleap_rtc.storage import keys


def trace_prefix(room_id: str, job_id: str) -> str:
    """Return what the keys of the pieces of a job's trace start with."""
    return f"{keys.jobs_prefix(room_id)}{job_id}/trace/"


def trace_key(room_id: str, job_id: str, ulid: str) -> str:
    """Return the key of one piece; pieces sort by when they were written."""
    return f"{trace_prefix(room_id, job_id)}{ulid}.json"
