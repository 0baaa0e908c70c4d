"""Pure: what a person can ask of a job while a worker is at it, and what the worker answers.

A command has an id that whoever asks makes up: the same id again gets the same answer and no second effect.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

CommandId = Annotated[str, Field(pattern=r"^[0-9A-HJKMNP-TV-Z]{26}$")]
"""A ULID."""
MOST_ANSWER_CHARACTERS = 1000
MOST_NAME_CHARACTERS = 256
ValueName = Annotated[str, Field(max_length=80)]
ValueText = Annotated[str, Field(max_length=200)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pause(_Command):
    """Hold what is going on, the training or the transfer, until `Resume`."""

    name: Literal["pause"] = "pause"


class Resume(_Command):
    """Go on."""

    name: Literal["resume"] = "resume"


class Stop(_Command):
    """End the training after this batch; what it has learnt is published as a partial model."""

    name: Literal["stop"] = "stop"


class SetLearningRate(_Command):
    """Train with another learning rate from the next batch on."""

    name: Literal["set_learning_rate"] = "set_learning_rate"
    value: float = Field(gt=0, le=1000, allow_inf_nan=False)


class Sample(_Command):
    """Draw what the model predicts on a frame, as a PNG; on one of the trainer's choice without a number."""

    name: Literal["sample"] = "sample"
    frame: int | None = Field(None, ge=0, le=2**31)


class TellTransfer(_Command):
    """Tell how far the transfer is."""

    name: Literal["transfer_status"] = "transfer_status"


class CancelTransfer(_Command):
    """Give the transfer up, which ends the job."""

    name: Literal["cancel_transfer"] = "cancel_transfer"


Command = Annotated[
    Pause | Resume | Stop | SetLearningRate | Sample | TellTransfer | CancelTransfer,
    Field(discriminator="name"),
]


class CommandAnswer(BaseModel):
    """What a command did, or why it could not do it, in a sentence.

    `files` names what it made (`Sample`), to be had like the files of the job.
    """

    model_config = ConfigDict(frozen=True)

    outcome: Literal["done", "refused"]
    text: str = Field(max_length=MOST_ANSWER_CHARACTERS)
    files: tuple[FileName, ...] = Field((), max_length=8)
    values: dict[ValueName, float | int | ValueText] = Field(default_factory=dict, max_length=16)

    @classmethod
    def refused(cls, why: str) -> CommandAnswer:
        """Return the answer to what cannot be done."""
        return cls(outcome="refused", text=why[:MOST_ANSWER_CHARACTERS])


class AskedCommand(BaseModel):
    """A command that came by way of the job's record, and what became of it.

    `run` is the fencing number of the claim that it was meant for: no later holder obeys it.
    """

    model_config = ConfigDict(frozen=True)

    command_id: CommandId
    command: Command
    by: str = Field(max_length=MOST_NAME_CHARACTERS)
    at: AwareDatetime
    run: int
    answer: CommandAnswer | None = None
