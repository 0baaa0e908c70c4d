"""Pure: the port to the service, for whoever watches and commands one job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sleap_rtc.events.api import JobLog, JobView
    from sleap_rtc.events.job_commands import Command
    from sleap_rtc.events.job_live_api import CommandView
    from sleap_rtc.events.job_progress import Told


class JobService(Protocol):
    """What the service knows of a job. Every method blocks, and may raise Unreachable, NotFound, Refused."""

    def job(self, room_id: str, job_id: str) -> JobView:
        """Return its record."""

    def job_log(self, room_id: str, job_id: str, after: int) -> JobLog:
        """Return segments of its log."""

    def live_events(self, room_id: str, job_id: str, run: int = 0, after: int = 0) -> Iterator[Told]:
        """Yield what its worker tells, from behind an event of a run, until the job has ended."""

    def give_command(self, room_id: str, job_id: str, command_id: str, command: Command) -> CommandView:
        """Have its worker do something; safe to repeat. Raises InputError where nobody would obey."""

    def command(self, room_id: str, job_id: str, command_id: str) -> CommandView:
        """Return a command, and its answer if one has come."""

    def sample(self, room_id: str, job_id: str, name: str) -> bytes:
        """Return a picture that its trainer drew."""
