"""Adapter: a job under way as the service tells of it and commands it, for whoever has no live path to the
worker. It takes seconds where a live path takes none."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

from sleap_rtc.events.job_live_api import ENDED, CommandView, GiveCommand, SampleView
from sleap_rtc.events.job_progress import read_told
from sleap_rtc.storage.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sleap_rtc.events.job_commands import Command
    from sleap_rtc.events.job_progress import Told
    from sleap_rtc.events.service_http import ServiceHttp


class JobLiveClient:
    """The part of the service's client that is about jobs under way.

    Args:
        http: asks the service.
    """

    def __init__(self, http: ServiceHttp) -> None:
        self._http = http

    def live_events(self, room_id: str, job_id: str, run: int = 0, after: int = 0) -> Iterator[Told]:
        """Yield what the job's worker tells until the job has ended, from behind event `after` of a run; but
        no event of a kind that only a newer version knows. While this is read the job counts as watched.

        Raises:
            Unreachable: there is no stream, or it was cut: go on from the last event.
            NotFound: there is no such job, or the caller is not in the room (any more).
        """
        headers = {"Accept": "text/event-stream", "Last-Event-ID": f"{run}.{after}"}
        kind = ""
        with closing(self._http.stream(f"{_job(room_id, job_id)}/live", headers)) as lines:
            for line in lines:
                if line.startswith("event:"):
                    kind = line.removeprefix("event:").strip()
                elif line.startswith("data:"):
                    if kind == ENDED:
                        return
                    told = read_told(line.removeprefix("data:").strip())
                    if told is not None:
                        yield told
        raise Unreachable(where=f"The service at {self._http.url}", why="the stream was cut")

    def give_command(self, room_id: str, job_id: str, command_id: str, command: Command) -> CommandView:
        """Have the job's worker do something, within seconds; safe to repeat with the same id.

        Raises:
            InputError: nobody is there to obey it; says what to do.
            NotFound: there is no such job.
            Refused: the caller may only read.
        """
        body = GiveCommand(command_id=command_id, command=command)
        return self._http.ask("POST", f"{_job(room_id, job_id)}/commands", CommandView, body)

    def command(self, room_id: str, job_id: str, command_id: str) -> CommandView:
        """Return a command and its answer, if one has come. Raises NotFound."""
        path = f"{_job(room_id, job_id)}/commands/{quote(command_id, safe='')}"
        return self._http.ask("GET", path, CommandView)

    def samples(self, room_id: str, job_id: str) -> list[SampleView]:
        """Return which pictures the job's trainer drew, by their names. Raises NotFound."""
        return self._http.ask_list(f"{_job(room_id, job_id)}/samples", SampleView)

    def sample(self, room_id: str, job_id: str, name: str) -> bytes:
        """Return one of them, a PNG. Raises NotFound."""
        return self._http.read(f"{_job(room_id, job_id)}/samples/{quote(name, safe='')}")


def _job(room_id: str, job_id: str) -> str:
    return f"/api/rooms/{quote(room_id, safe='')}/jobs/{quote(job_id, safe='')}"
