"""Pure: the events of one run, numbered, as far back as memory reaches.

What must arrive is kept up to a number and a size; of the rest only the newest of each kind, since a watcher
who was away does not want what is stale.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

from sleap_rtc.events.job_progress import LineLogged, Told, TransferMoved, must_arrive

if TYPE_CHECKING:
    from datetime import datetime

    from sleap_rtc.events.job_progress import JobEvent

MOST_EVENTS = 20_000
MOST_CHARACTERS = 4_000_000
"""Of lines, which are the only events of a size to speak of."""


@dataclass
class EventLog:
    """One run's events.

    Args:
        run: its fencing number.
    """

    run: int
    newest: int = 0
    """The number of the newest event; 0 before the first."""
    oldest_kept: int = 1
    """Of the events that must arrive, those before this number are not there any more."""
    _kept: deque[Told] = field(default_factory=deque)
    _latest: dict[str, Told] = field(default_factory=dict)
    _characters: int = 0

    def tell(self, event: JobEvent, now: datetime) -> Told:
        """Add an event and return it with its number."""
        self.newest += 1
        told = Told(run=self.run, seq=self.newest, at=now, event=event)
        if must_arrive(event):
            self._kept.append(told)
            self._characters += _characters(event)
            while len(self._kept) > MOST_EVENTS or self._characters > MOST_CHARACTERS:
                self._drop_oldest()
        self._latest[_kind(event)] = told
        return told

    def since(self, seq: int) -> list[Told]:
        """Return what is worth telling to somebody who has seen everything up to `seq`, in order."""
        kept = list(takewhile(lambda told: told.seq > seq, reversed(self._kept)))
        fresh = [each for each in self._latest.values() if each.seq > seq and not must_arrive(each.event)]
        return sorted([*kept, *fresh], key=lambda told: told.seq)

    def _drop_oldest(self) -> None:
        gone = self._kept.popleft()
        self._characters -= _characters(gone.event)
        self.oldest_kept = gone.seq + 1


def _characters(event: JobEvent) -> int:
    return len(event.text) if isinstance(event, LineLogged) else 0


def _kind(event: JobEvent) -> str:
    """Return what a newer event takes the place of."""
    if isinstance(event, TransferMoved):
        return f"{event.kind}/{event.direction}"
    return event.kind
