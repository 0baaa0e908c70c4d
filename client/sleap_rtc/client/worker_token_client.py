"""Adapter: the part of the service's HTTP API that gives tokens to the workers of a room."""

from __future__ import annotations

from urllib.parse import quote

from sleap_rtc.client.job_live_client import JobLiveClient
from sleap_rtc.events.worker_api import Acknowledged
from sleap_rtc.events.worker_token_api import GiveWorkerToken, WorkerTokenGiven, WorkerTokenView


class WorkerTokenClient(JobLiveClient):
    """Gives, lists and takes back workers' tokens. Every method raises NotFound, and Refused to no owner."""

    def give_worker_token(self, room_id: str, request: GiveWorkerToken) -> WorkerTokenGiven:
        """Make a token; safe to repeat."""
        return self._http.ask("POST", _tokens(room_id), WorkerTokenGiven, request)

    def worker_tokens(self, room_id: str) -> list[WorkerTokenView]:
        """Return the tokens that still let a worker in."""
        return self._http.ask_list(_tokens(room_id), WorkerTokenView)

    def revoke_worker_token(self, room_id: str, token_id: str) -> None:
        """Take a token back; safe to repeat."""
        self._http.ask("DELETE", f"{_tokens(room_id)}/{quote(token_id, safe='')}", Acknowledged)


def _tokens(room_id: str) -> str:
    return f"/api/rooms/{quote(room_id, safe='')}/worker-tokens"
