"""Pure: which events of a job are news, over whatever way and however often they come.

What must arrive comes in order over each way, so the number of the last one says what has been seen and where
another way has to take up. The rest comes in any order, and is news while nothing newer of its kind is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.job_progress import TransferMoved, must_arrive

if TYPE_CHECKING:
    from sleap_rtc.events.job_progress import JobEvent, Told


class SeenEvents:
    """What was seen of one job.

    Attributes:
        run: the newest run of which anything was seen; 0 before that.
        after: of its events that must arrive, the number of the last one.
    """

    def __init__(self) -> None:
        self.run = 0
        self.after = 0
        self._newest: dict[str, int] = {}

    def position(self) -> tuple[int, int]:
        """Return where another way has to take up: behind which event of which run."""
        return self.run, self.after

    def is_news(self, told: Told) -> bool:
        """Tell whether an event is news, and take it for seen."""
        if told.run < self.run:
            return False
        if told.run > self.run:
            self.run, self.after, self._newest = told.run, 0, {}
        kind = _kind(told.event)
        before = self.after if must_arrive(told.event) else self._newest.get(kind, 0)
        if told.seq <= before:
            return False
        if must_arrive(told.event):
            self.after = told.seq
        self._newest[kind] = max(told.seq, self._newest.get(kind, 0))
        return True


def _kind(event: JobEvent) -> str:
    """Return of what only the newest counts."""
    return f"{event.kind}/{event.direction}" if isinstance(event, TransferMoved) else event.kind
