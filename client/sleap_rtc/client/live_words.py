"""Pure: what happens to a job as lines of text, for pipes and for those who like lines.

Progress is said once a second at most, everything else as it comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from sleap_rtc.client import live_blocks as blocks
from sleap_rtc.client.live_items import (
    EventsMissed,
    Item,
    JobSeen,
    LinkState,
    LogRead,
    Over,
    ServiceAway,
)
from sleap_rtc.client.live_transfer import transfer_words
from sleap_rtc.client.loss_curve import train_loss, val_loss
from sleap_rtc.events.job_progress import (
    BatchEnded,
    CommandAnswered,
    EpochEnded,
    LineLogged,
    MachineMeasured,
    RunEnded,
    StepTaken,
    Told,
    TrainingBegun,
    TransferMoved,
    must_arrive,
)

if TYPE_CHECKING:
    from sleap_rtc.events.api import JobView
    from sleap_rtc.events.job_progress import JobEvent

BETWEEN_S = 1.0


class LiveWords:
    """Says in lines what the items say. Times are in seconds of any clock that only goes forward."""

    def __init__(self) -> None:
        self._said_at = -BETWEEN_S
        self._run = 0
        self._edges = 0
        self._states: set[tuple[int, str]] = set()

    def lines(self, item: Item, now: float) -> list[str]:
        """Return what is to be printed."""
        match item:
            case Told():
                return self._told(item, now)
            case LinkState():
                return [f"  {item.words}" + (f" ({item.peer_id})" if item.peer_id else "")]
            case JobSeen() | Over():
                return self._steps(item.job)
            case EventsMissed():
                return ["  some earlier events of this run are not to be had any more"]
            case LogRead():
                return [f"  {line}" for line in item.text.splitlines()]
            case ServiceAway():
                return [f"  {item.text or 'The service answers again.'}"]
            case _:
                assert_never(item)

    def _steps(self, job: JobView) -> list[str]:
        fresh, self._edges = job.history[self._edges :], len(job.history)
        news = [edge for edge in fresh if (edge.fencing, str(edge.state)) not in self._states]
        self._states |= {(edge.fencing, str(edge.state)) for edge in news}
        return [f"{edge.at:%H:%M:%S}  {edge.state}" for edge in news]

    def _told(self, told: Told, now: float) -> list[str]:
        if not must_arrive(told.event):
            if now - self._said_at < BETWEEN_S:
                return []
            self._said_at = now
        text = self._event(told)
        return [f"{told.at:%H:%M:%S}  {text}"] if text else []

    def _event(self, told: Told) -> str:
        event = told.event
        if isinstance(event, StepTaken):
            if (told.run, event.state) in self._states:
                return ""
            self._states.add((told.run, event.state))
        return said(event)


def said(event: JobEvent) -> str:
    """Return an event in words."""
    match event:
        case StepTaken():
            text = f"{event.state}  {event.note}"
        case LineLogged():
            text = f"  {event.text}"
        case TrainingBegun():
            planned = f", {event.epochs} epochs" if event.epochs else ""
            abilities = ", ".join(event.abilities) or "nothing"
            text = f"{event.trainer} is ready{planned}; it can be told: {abilities}"
        case EpochEnded():
            text = f"epoch {event.epoch + 1}{_losses(event)}"
        case BatchEnded():
            text = f"epoch {event.epoch + 1}, batch {event.batch + 1}{_losses(event)}"
        case MachineMeasured():
            text = ", ".join(line.plain for line in blocks.measured(event))
        case TransferMoved():
            text = transfer_words(event)
        case CommandAnswered():
            text = blocks.answered(event).plain
        case RunEnded():
            text = f"the worker is done with it: {event.state}  {event.text}"
        case _:
            assert_never(event)
    return text.rstrip()


def _losses(event: EpochEnded | BatchEnded) -> str:
    train, val = train_loss(event.logs), val_loss(event.logs)
    parts = [("loss", train), ("validation", val)]
    finite = "".join(f"  {name} {value:.4g}" for name, value in parts if value is not None)
    broken = [name for name, value in event.logs.items() if "loss" in name and value - value != 0]
    return finite + "".join(f"  {name} is not a finite number" for name in sorted(broken))
