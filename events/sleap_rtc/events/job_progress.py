"""Pure: what a worker tells of a job while it works on it.

One run of a job (one claim of it) has one row of events, numbered from 1. Some must reach whoever watches:
steps, lines, epochs, answers. The others are stale as soon as the next one comes, and may be dropped.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from sleap_rtc.events.job_commands import CommandAnswer, CommandId

MOST_LINE_CHARACTERS = 2000
"""A line of a log in one event; its JSON has at most six bytes for each, which stays within a message."""
MOST_TEXT_CHARACTERS = 1000
Logs = Annotated[
    dict[
        Annotated[str, Field(max_length=80)],
        Annotated[float, Field(allow_inf_nan=True)],
    ],
    Field(max_length=64),
]
Text = Annotated[str, Field(max_length=MOST_TEXT_CHARACTERS)]
Bytes = Annotated[int, Field(ge=0)]


class _Event(BaseModel):
    # A loss may be infinite or no number at all, and has to be seen.
    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings")


class StepTaken(_Event):
    """The job came to its next state."""

    kind: Literal["step"] = "step"
    state: Text
    note: Text = ""


class LineLogged(_Event):
    """A line of the job's log."""

    kind: Literal["log"] = "log"
    text: str = Field(max_length=MOST_LINE_CHARACTERS)


class TrainingBegun(_Event):
    """The trainer is ready. `abilities` are the names of the commands that it obeys; `epochs` is how many are
    planned, `batches` how many an epoch has, where that is known."""

    kind: Literal["training"] = "training"
    trainer: Text
    abilities: tuple[Text, ...] = Field((), max_length=32)
    epochs: int | None = None
    batches: int | None = None
    model_type: Text = ""


class EpochEnded(_Event):
    """An epoch is over, counted from 0; `logs` has its losses by the trainer's names."""

    kind: Literal["epoch"] = "epoch"
    epoch: int
    logs: Logs = Field(default_factory=dict)


class BatchEnded(_Event):
    """A batch is over."""

    kind: Literal["batch"] = "batch"
    epoch: int
    batch: int
    logs: Logs = Field(default_factory=dict)


class GpuMeasured(_Event):
    """One GPU."""

    name: Text
    utilisation_percent: float | None = None
    memory_used_bytes: Bytes | None = None
    memory_total_bytes: Bytes | None = None
    temperature_c: float | None = None
    power_w: float | None = None


class MachineMeasured(_Event):
    """How busy the worker's machine is."""

    kind: Literal["machine"] = "machine"
    cpu_percent: float
    memory_used_bytes: Bytes
    memory_total_bytes: Bytes
    gpus: tuple[GpuMeasured, ...] = Field((), max_length=16)


class TransferMoved(_Event):
    """The dataset on its way to the worker, or the model on its way to the room."""

    kind: Literal["transfer"] = "transfer"
    direction: Literal["download", "upload"]
    name: Text
    done_bytes: Bytes
    total_bytes: Bytes
    bytes_per_s: float = 0.0
    state: Literal["running", "paused", "done", "failed", "cancelled"] = "running"
    trouble: Text = ""


class CommandAnswered(_Event):
    """Somebody gave a command."""

    kind: Literal["command"] = "command"
    command_id: CommandId
    name: Text
    by: Text
    answer: CommandAnswer


class RunEnded(_Event):
    """The worker is done with the job, whatever became of it; `state` is the job's then."""

    kind: Literal["end"] = "end"
    state: Text
    text: Text = ""


JobEvent = Annotated[
    StepTaken
    | LineLogged
    | TrainingBegun
    | EpochEnded
    | BatchEnded
    | MachineMeasured
    | TransferMoved
    | CommandAnswered
    | RunEnded,
    Field(discriminator="kind"),
]


class Told(BaseModel):
    """An event with its place. `run` is the fencing number of the claim, which is never given out twice."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    v: Literal[1] = 1
    run: int = Field(ge=0)
    seq: int = Field(ge=1)
    at: AwareDatetime
    event: JobEvent


def must_arrive(event: JobEvent) -> bool:
    """Tell whether nobody who watches may miss it."""
    if isinstance(event, TransferMoved):
        return event.state != "running"
    return not isinstance(event, BatchEnded | MachineMeasured)


def read_told(text: str | bytes) -> Told | None:
    """Read an event; None if it is none, or of a kind that only a newer version knows."""
    try:
        return Told.model_validate_json(text)
    except ValidationError:
        return None
