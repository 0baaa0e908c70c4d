"""Pure: what is asked of an inference, and what it leaves: files of predictions.

A client names models as people do. The service finds out which models of the room these are, once, when the
job is submitted; the job's record has their ids, so that an alias that moves later changes nothing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sleap_rtc.storage import keys
from sleap_rtc.storage.manifest import ModelFile
from sleap_rtc.storage.part_plan import LARGEST_OBJECT_BYTES

MOST_MODELS = 4
"""One for whole frames, or one that finds animals and one for each of them; more are room to move."""
MOST_RESULTS = 16
ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@+-]{0,79}$")]


class TrackOptions(BaseModel):
    """The options of `sleap-nn track` that somebody may set, and none beside them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames: Literal["all", "suggested", "labeled"] = "all"
    """Which frames of the dataset; suggested ones are those that nobody has labelled yet."""
    batch_size: int | None = Field(None, ge=1, le=4096)
    """How many frames at a time."""
    peak_threshold: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    """How sure the model has to be of a node, from 0 to 1."""
    max_instances: int | None = Field(None, ge=1, le=1000)
    """How many animals in a frame at most."""
    tracking: bool = False
    """Whether to tell which animal is which from frame to frame."""
    tracking_window_size: int | None = Field(None, ge=1, le=1000)
    """How many frames back to look for it."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The options in the spelling of `sleap-nn track`."""
        numbers = {
            "--batch_size": self.batch_size,
            "--peak_threshold": self.peak_threshold,
            "--max_instances": self.max_instances,
            "--tracking_window_size": self.tracking_window_size,
        }
        given = [(name, str(value)) for name, value in numbers.items() if value is not None]
        return (
            *(() if self.frames == "all" else (f"--only_{self.frames}_frames",)),
            *(("--tracking",) if self.tracking else ()),
            *(word for pair in given for word in pair),
        )


class _Inference(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["inference"] = "inference"
    trainer: Literal["reference", "sleap-nn"] | None = None
    """Whose engine; None for the one that trained the models."""
    options: TrackOptions = TrackOptions()


class AskInference(_Inference):
    """What a client asks for. No models stand for a package that has its own, and a script, in it."""

    models: tuple[ModelName, ...] = Field((), max_length=MOST_MODELS)


class FixedModel(BaseModel):
    """A model of the room, by its folder there; `name` is what it was called by whoever asked."""

    model_config = ConfigDict(frozen=True)

    name: str
    model_id: str
    model_type: str

    def folder(self, room_id: str) -> keys.ModelFolder:
        """Return where its files lie."""
        return keys.ModelFolder(room_id, self.model_type, self.model_id)


class InferenceRequest(_Inference):
    """What a job is to do."""

    models: tuple[FixedModel, ...] = Field((), max_length=MOST_MODELS)


class ResultFile(ModelFile):
    """A file that an inference made, by its name, size and CRC64NVME."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    size_bytes: Annotated[int, Field(ge=1, le=LARGEST_OBJECT_BYTES)]
    checksum: Annotated[str, Field(pattern=r"^crc64nvme:[A-Za-z0-9+/]{11}=$")]
