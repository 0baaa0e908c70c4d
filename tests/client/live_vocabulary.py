"""The words in which tests tell of a training."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from support.jobs import NOON

from sleap_rtc.client.live_model import LiveModel
from sleap_rtc.events.api import JobView
from sleap_rtc.events.job_commands import CommandAnswer
from sleap_rtc.events.job_progress import CommandAnswered, EpochEnded, Told, TrainingBegun

if TYPE_CHECKING:
    from sleap_rtc.events.job_progress import JobEvent
    from sleap_rtc.events.jobs import Job

BEGUN = TrainingBegun(trainer="sleap-nn", abilities=("pause",), epochs=10, batches=4)


@dataclass
class Story:
    """A model that is told events, a second apart unless it says otherwise."""

    model: LiveModel = field(default_factory=lambda: LiveModel("lab", "01KAZ3CJ9C0000000000000ABC"))
    run: int = 1
    seq: int = 0
    at_s: float = 0.0

    def tell(self, event: JobEvent, after_s: float = 1.0) -> None:
        self.seq += 1
        self.at_s += after_s
        at = NOON + timedelta(seconds=self.at_s)
        self.model.take(Told(run=self.run, seq=self.seq, at=at, event=event))

    def epoch(self, number: int, after_s: float = 1.0, **logs: float) -> None:
        self.tell(
            EpochEnded(epoch=number, logs={name.replace("_", "/"): loss for name, loss in logs.items()}),
            after_s,
        )

    def answer(self, name: str, outcome: str = "done") -> None:
        answer = CommandAnswer.model_validate({"outcome": outcome, "text": "so be it"})
        self.tell(CommandAnswered(command_id="0" * 26, name=name, by="ada", answer=answer))


def view(job: Job) -> JobView:
    return JobView(**job.model_dump())
