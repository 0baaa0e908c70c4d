"""Pure: what a checkpoint holds, and its bytes.

The bytes are a numpy ``.npz``: ``about`` (a JSON text) and the arrays ``model/*``, ``mean/*``, ``square/*``.
They hold no clock and no path: the same training gives the same bytes. No pickle is involved, so that a
checkpoint from somewhere else can be opened.
"""

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from sleap_rtc.worker.reference_trainer import TRAINER_NAME, TRAINER_VERSION
from sleap_rtc.worker.reference_trainer.pose_model import AdamState, Parameters

_GROUPS: Final = ("model", "mean", "square")


@dataclass(frozen=True)
class EpochRecord:
    """How one epoch went.

    Attributes:
        epoch: Counted from 0.
        train_loss: Mean over the epoch's frames, in nats.
        val_loss: On the held-out frames after the epoch, in nats.
        val_error_px: Mean distance between predicted and labelled nodes there, in original pixels.
        learning_rate: Of the epoch's last step.
    """

    epoch: int
    train_loss: float
    val_loss: float
    val_error_px: float
    learning_rate: float


@dataclass(frozen=True)
class Checkpoint:
    """A model and all that is needed to go on training it.

    Attributes:
        model_type: The head that it was trained for.
        maps: What each score map stands for.
        parameters: Of the model.
        optimizer: Of the next step.
        next_epoch: The epoch to go on with; an epoch that was stopped half way is done again.
        history: One record per epoch so far, the last one describing ``parameters``.
    """

    model_type: str
    maps: tuple[str, ...]
    parameters: Parameters
    optimizer: AdamState
    next_epoch: int
    history: tuple[EpochRecord, ...]


class NotACheckpoint(ValueError):
    """These bytes are no checkpoint of the reference trainer."""


def encode(checkpoint: Checkpoint) -> bytes:
    """The checkpoint as bytes."""
    about = {
        "trainer": TRAINER_NAME,
        "version": TRAINER_VERSION,
        "model_type": checkpoint.model_type,
        "maps": checkpoint.maps,
        "step": checkpoint.optimizer.step,
        "next_epoch": checkpoint.next_epoch,
        "history": [asdict(record) for record in checkpoint.history],
    }
    groups = (checkpoint.parameters, checkpoint.optimizer.mean, checkpoint.optimizer.square)
    arrays = {
        f"{group}/{name}": values
        for group, parameters in zip(_GROUPS, groups, strict=True)
        for name, values in parameters.items()
    }
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, about=np.array(json.dumps(about)), **arrays)
    return buffer.getvalue()


def decode(content: bytes) -> Checkpoint:
    """The checkpoint in these bytes.

    Raises:
        NotACheckpoint: Other or damaged content.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            model, mean, square = (
                {
                    name.partition("/")[2]: arrays[name]
                    for name in arrays.files
                    if name.startswith(f"{group}/")
                }
                for group in _GROUPS
            )
        if about["trainer"] != TRAINER_NAME:
            raise NotACheckpoint(f"it is by the {about['trainer']}")
        return Checkpoint(
            model_type=about["model_type"],
            maps=tuple(about["maps"]),
            parameters=model,
            optimizer=AdamState(about["step"], mean, square),
            next_epoch=about["next_epoch"],
            history=tuple(EpochRecord(**record) for record in about["history"]),
        )
    except NotACheckpoint:
        raise
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise NotACheckpoint("it is not a checkpoint of the reference trainer, or damaged") from error
