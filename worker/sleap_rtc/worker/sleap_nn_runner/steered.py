"""Adapter: the Lightning callback that reports a training of sleap-nn and steers it."""

from __future__ import annotations

import json
import math
import platform
import sys
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from lightning.pytorch.callbacks import Checkpoint

from sleap_rtc.worker.engine.steering import ABILITIES, Moment, Sampled, Steering
from sleap_rtc.worker.sleap_nn_runner.failure import Diverged
from sleap_rtc.worker.sleap_nn_runner.rates import rate_of, set_rate
from sleap_rtc.worker.sleap_nn_runner.sample import draw_frame

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.worker.engine.progress import ZmqProgress


_BESIDE = ("torch", "lightning", "numpy", "sleap-io")


class Steered(Checkpoint):  # type: ignore[misc]
    """Says what sleap-nn's reporter says, and obeys between two batches.

    It is a Checkpoint to Lightning, which calls those last: by then the module has logged its loss, and the
    checkpoint is written.

    Args:
        progress: where to report, and where commands come from.
        title: sleap-nn and its version.
        folder: of the run.
    """

    def __init__(self, progress: ZmqProgress, title: str, folder: Path) -> None:
        super().__init__()
        self._progress = progress
        self._title = title
        self._folder = folder
        self._rate = math.nan
        self._began = 0.0

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Say what we can do, and leave the versions that it runs on for the model's record."""
        self._write_versions()
        self._steering = Steering(self._progress, self._title, _Wheel(trainer, pl_module, self._folder))
        wandb_run = getattr(sys.modules.get("wandb"), "run", None)
        self._progress.publish(
            "train_begin",
            wandb_url=getattr(wandb_run, "url", None),
            abilities=ABILITIES,
            epochs=_epochs(trainer),
            batches=_batches(trainer),
        )

    def _write_versions(self) -> None:
        versions = {"trainer": self._title, "python": platform.python_version()}
        versions |= {name: version(name) for name in _BESIDE}
        (self._folder / "software.json").write_text(json.dumps(versions, indent=2) + "\n", encoding="utf-8")

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Report."""
        self._began = time.monotonic()
        self._progress.publish("epoch_begin", epoch=trainer.current_epoch)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Report, and note the rate of this step: a schedule may change it before the batch has ended."""
        self._rate = rate_of(trainer.optimizers)
        self._progress.publish("batch_start", batch=batch_idx)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Report and obey."""
        epoch = trainer.current_epoch
        logs = {**_numbers(trainer.callback_metrics), "train/lr": self._rate}
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if loss is not None:
            logs["loss"] = float(loss)
        self._progress.publish("batch_end", epoch=epoch, batch=batch_idx, logs=logs)
        if not math.isfinite(logs.get("loss", 0.0)):
            raise Diverged(
                f"The loss became {logs['loss']} in batch {batch_idx + 1} of epoch {epoch + 1}: lower"
                f" trainer_config.optimizer.lr ({self._rate:g})."
            )
        self._steering.between_batches(
            Moment(epoch, batch_idx, _batches(trainer) or sys.maxsize, _epochs(trainer))
        )
        trainer.should_stop = trainer.should_stop or self._steering.stopping

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Report."""
        logs = {**_numbers(trainer.callback_metrics), "train/lr": self._rate}
        self._progress.publish("epoch_end", epoch=trainer.current_epoch, logs=logs)
        told = [f"{name}={logs[name]:.6g}" for name in ("train/loss", "val/loss", "train/lr") if name in logs]
        of = f"/{_epochs(trainer)}" if _epochs(trainer) else ""
        took_s = time.monotonic() - self._began
        _say(f"sleap-nn: epoch {trainer.current_epoch + 1}{of} {' '.join(told)} ({took_s:.1f} s)")

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Make sure that a stop leaves a model, and say so."""
        if self._steering.stopping and not any(self._folder.glob("best*.ckpt")):
            trainer.save_checkpoint(self._folder / "best.ckpt")
        self._steering.saved()
        self._progress.publish("train_end")

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Let the last messages leave."""
        self._progress.close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Let the last messages leave; Lightning does not tear down then."""
        self._progress.close()


def _say(line: str) -> None:
    """Print a line to the log of the job."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class _Wheel:
    """What of a Lightning training can be changed and looked at between two batches."""

    def __init__(self, trainer: Any, module: Any, folder: Path) -> None:
        self._trainer = trainer
        self._module = module
        self._folder = folder

    def learning_rate(self) -> float:
        """The one of the next step."""
        return rate_of(self._trainer.optimizers)

    def set_learning_rate(self, value: float) -> str:
        """Change it. Returns what schedules make of it."""
        schedulers = [config.scheduler for config in self._trainer.lr_scheduler_configs]
        return set_rate(self._trainer.optimizers, schedulers, value)

    def sample(self, moment: Moment, frame: int | None) -> Sampled:
        """Draw what the model says of a frame. Raises Refusal."""
        datasets = [self._trainer.val_dataloaders.dataset, self._trainer.train_dataloader.dataset]
        return draw_frame(self._module, datasets, self._folder, moment, frame)


def _numbers(metrics: Any) -> dict[str, float]:
    return {str(name): float(value) for name, value in metrics.items()}


def _epochs(trainer: Any) -> int | None:
    return trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None


def _batches(trainer: Any) -> int | None:
    count = trainer.num_training_batches
    return int(count) if math.isfinite(count) else None
