"""Adapter: the part of the service's HTTP API that is about costs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from sleap_rtc.client.worker_token_client import WorkerTokenClient
from sleap_rtc.events.cost_api import RoomCosts
from sleap_rtc.events.worker_api import Acknowledged

if TYPE_CHECKING:
    from datetime import datetime

    from sleap_rtc.events.usage_reports import ReportUsage


class CostClient(WorkerTokenClient):
    """Asks what rooms and jobs cost, and tells what this client used. Every method raises NotFound."""

    def room_costs(self, room_id: str, since: datetime, relay_share: float, resent: float) -> RoomCosts:
        """Return what a room and its jobs cost since then, and what they would have over TURN."""
        asked = {"since": since.isoformat(), "relay_share": relay_share, "resent": resent}
        return self._http.ask("GET", f"{_room(room_id)}/costs?{urlencode(asked)}", RoomCosts)

    def job_costs(self, room_id: str, job_id: str, relay_share: float, resent: float) -> RoomCosts:
        """Return what a job cost, and what it would have over TURN."""
        query = urlencode({"relay_share": relay_share, "resent": resent})
        return self._http.ask("GET", f"{_room(room_id)}/jobs/{quote(job_id)}/costs?{query}", RoomCosts)

    def tell_usage(self, room_id: str, job_id: str, used: ReportUsage) -> None:
        """Tell what this client used for a job; safe to repeat."""
        path = f"{_room(room_id)}/jobs/{quote(job_id)}/usage"
        self._http.ask("POST", path, Acknowledged, used, tries=1)


def _room(room_id: str) -> str:
    return f"/api/rooms/{quote(room_id, safe='')}"
