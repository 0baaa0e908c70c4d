"""Orchestration: follows a job to its end in the best way that there is a place for.

That is the live view on a terminal, lines on a pipe, and for scripts what the worker tells, beside what the
room is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.client import wiring
from sleap_rtc.client.display import TextWatcher
from sleap_rtc.client.follow import follow
from sleap_rtc.client.live_beside import LiveBeside
from sleap_rtc.client.live_view import has_whole_terminal, watch_on_terminal

if TYPE_CHECKING:
    from sleap_rtc.client.display import JsonWatcher
    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.settings import Settings


def follow_live(
    settings: Settings, service: ServiceClient, room_id: str, job_id: str, out: JsonWatcher | None
) -> Job | None:
    """Show a job until it ends, and return it then; None if the person leaves the view before.

    Args:
        settings: name the signaling.
        service: has the job.
        room_id: the room.
        job_id: the job, which may be promised and not made yet.
        out: prints JSON lines; without it a person reads.

    Raises:
        KeyboardInterrupt: Ctrl-C; the job goes on.
        NotFound: the room is gone.
        Refused: the token is not good any more.
    """
    if out is None and not has_whole_terminal():
        return follow(service, room_id, job_id, TextWatcher())
    live = wiring.live_job(settings, service, room_id, job_id)
    if out is None:
        return watch_on_terminal(live)
    with LiveBeside(live, out):
        return follow(service, room_id, job_id, out)
