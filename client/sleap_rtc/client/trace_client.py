"""Adapter: the part of the service's HTTP API that is about the traces of jobs."""

from __future__ import annotations

from urllib.parse import quote

from sleap_rtc.client.worker_token_client import WorkerTokenClient
from sleap_rtc.events.trace_store import JobTrace, SentTraces


class TraceClient(WorkerTokenClient):
    """Reads and adds to the traces of jobs."""

    def job_trace(self, room_id: str, job_id: str) -> JobTrace:
        """Return the spans of a job that are there. Raises NotFound where the room is not."""
        path = f"/api/rooms/{quote(room_id, safe='')}/jobs/{quote(job_id, safe='')}/trace"
        return self._http.ask("GET", path, JobTrace)

    @property
    def traces(self) -> SentTraces:
        """What keeps this machine's spans with their jobs."""
        return SentTraces(self._http)
