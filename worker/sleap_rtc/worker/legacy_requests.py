"""Pure: what a worker answers to a `job_request` of the existing tool's protocol.

It says whether the worker would take such a job now, and reserves nothing: the offer does that. Existing
workers reserved themselves at a request and ended at the offer that came next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

JOB_TYPES = ("training", "inference")


def answer_to(request: Mapping[str, Any], *, free: bool) -> dict[str, Any] | None:
    """Return the answer; None to what needs none.

    Args:
        request: the payload.
        free: whether the worker takes an offer now.
    """
    if request.get("app_message_type") != "job_request" or not isinstance(request.get("job_id"), str):
        return None
    answer = {"app_message_type": "job_response", "job_id": request["job_id"]}
    dataset = request.get("dataset")
    if isinstance(dataset, dict) and dataset.get("type") not in (None, "webrtc"):
        # What lies in S3 is trained by way of the room's queue.
        return {**answer, "accepted": False, "reason": "incompatible"}
    if request.get("job_type", "training") not in JOB_TYPES:
        return {**answer, "accepted": False, "reason": "incompatible"}
    if not free:
        return {**answer, "accepted": False, "reason": "busy"}
    return {**answer, "accepted": True, "estimated_start_time_sec": 0, "worker_info": {}}
