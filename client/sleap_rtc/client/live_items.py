"""Pure: what somebody who watches a job is told, one item after the other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sleap_rtc.events.job_progress import Told

if TYPE_CHECKING:
    from sleap_rtc.events.api import JobView


class Link(StrEnum):
    """Which way events come and commands go at the moment."""

    CONNECTING = "connecting"
    DIRECT = "direct"
    RELAYED = "relayed"
    SERVICE = "service"
    AGAIN = "again"
    WAITING = "waiting"
    DONE = "done"


LINK_WORDS = {
    Link.CONNECTING: "connecting",
    Link.DIRECT: "direct",
    Link.RELAYED: "relayed",
    Link.SERVICE: "through the service",
    Link.AGAIN: "connecting again",
    Link.WAITING: "waiting for a worker",
    Link.DONE: "its worker is done with it",
}
LIVE = frozenset({Link.DIRECT, Link.RELAYED})


@dataclass(frozen=True)
class LinkState:
    """The way changed, or the reason for it."""

    link: Link
    why: str = ""
    peer_id: str = ""

    @property
    def words(self) -> str:
        """Return it as people say it."""
        return f"{LINK_WORDS[self.link]}: {self.why}" if self.why else LINK_WORDS[self.link]


@dataclass(frozen=True)
class JobSeen:
    """The job's record says something else than the last time."""

    job: JobView

    def says_no_more_than(self, job: JobView | None) -> bool:
        """Tell whether another record is the same to whoever watches; it changes while it is held, too."""
        return job is not None and _worth_telling(self.job) == _worth_telling(job)


@dataclass(frozen=True)
class EventsMissed:
    """Events of a run that must arrive are not to be had any more."""

    run: int


@dataclass(frozen=True)
class LogRead:
    """The log, complete with line ends, of a job that has ended and not all of whose events are kept."""

    text: str


@dataclass(frozen=True)
class ServiceAway:
    """The service does not answer; it is asked again. An empty text: it answers again."""

    text: str


@dataclass(frozen=True)
class Over:
    """The job has ended, and everything that there was to tell of it was told."""

    job: JobView


def _worth_telling(job: JobView) -> JobView:
    return job.model_copy(update={"lease": None, "watched_until": None, "asked": (), "write_id": ""})


Item = Told | LinkState | JobSeen | EventsMissed | LogRead | ServiceAway | Over
