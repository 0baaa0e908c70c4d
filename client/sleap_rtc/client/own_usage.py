"""Adapter: counts what this process uses of S3 and the network, and tells the room of it, job by job.

It is a courtesy to whoever reads the bill: where it cannot be told, nothing is lost but that.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ulid import ULID

from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.storage.usage_tally import UsageTally

if TYPE_CHECKING:
    from sleap_rtc.client.cost_client import CostClient

_ACCOUNT = ""
OWN_USAGE: UsageTally[str] = UsageTally(lambda _: _ACCOUNT)
"""A command moves things for one job after the other, and tells before it goes on."""


def tell_usage(service: CostClient, room_id: str, job_id: str | None) -> None:
    """Tell what was used since the last time for a job; what was for none is forgotten."""
    usage = OWN_USAGE.take_of(_ACCOUNT)
    if not usage or not job_id:
        return
    from sleap_rtc.events.usage_reports import ReportUsage

    with suppress(SleapRtcError):
        service.tell_usage(room_id, job_id, ReportUsage(report_id=str(ULID()), usage=usage))
