"""Adapter: puts our callback into the one Lightning trainer that sleap-nn makes.

It takes the place of sleap-nn's two ZMQ callbacks (`sleap_nn/training/callbacks.py`): same ports, same
messages, and more of both.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning
from lightning.pytorch.callbacks import ProgressBar
from sleap_nn.training import callbacks as of_sleap_nn

from sleap_rtc.worker.engine.progress import ZmqProgress
from sleap_rtc.worker.sleap_nn_runner.steered import Steered

if TYPE_CHECKING:
    from collections.abc import Sequence


def install(arguments: Sequence[str], title: str) -> None:
    """Have every trainer that reports to the worker be steered by it.

    Raises:
        AttributeError, ImportError, LookupError: this sleap-nn is not as we know it.
    """
    settings = dict(argument.lstrip("+").split("=", 1) for argument in arguments if argument.startswith("++"))
    prefix = "trainer_config."
    publish_port = int(settings[f"{prefix}zmq.publish_port"])
    controller_port = int(settings[f"{prefix}zmq.controller_port"])
    folder = Path(settings[f"{prefix}ckpt_dir"], settings[f"{prefix}run_name"])
    theirs = (of_sleap_nn.ProgressReporterZMQ, of_sleap_nn.TrainingControllerZMQ)
    make = lightning.Trainer.__init__

    @functools.wraps(make)
    def make_steered(trainer: Any, *args: Any, **options: Any) -> None:
        make(trainer, *args, **options)
        found = [callback for callback in trainer.callbacks if isinstance(callback, theirs)]
        # Ranks of a training on several devices would have to agree on each command.
        if len(found) != len(theirs) or trainer.world_size > 1:
            return
        # A bar that moves with each batch is no good in a log.
        gone = (*theirs, ProgressBar)
        kept = [callback for callback in trainer.callbacks if not isinstance(callback, gone)]
        progress = ZmqProgress("", publish_port=publish_port, controller_port=controller_port)
        trainer.callbacks = [*kept, Steered(progress, title, folder)]

    lightning.Trainer.__init__ = make_steered
