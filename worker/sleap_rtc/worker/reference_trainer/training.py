"""Orchestration: trains the pose model on a config's packages and leaves the run directory behind."""

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import h5py
import numpy as np
from numpy.typing import NDArray

from sleap_rtc.worker.engine.progress import Progress
from sleap_rtc.worker.engine.steering import ABILITIES, Moment, Steering
from sleap_rtc.worker.reference_trainer import TRAINER_NAME, TRAINER_VERSION
from sleap_rtc.worker.reference_trainer.checkpoint import Checkpoint, EpochRecord
from sleap_rtc.worker.reference_trainer.confidence_maps import divergence, locate, target_maps
from sleap_rtc.worker.reference_trainer.config import TrainingConfig
from sleap_rtc.worker.reference_trainer.convolution import Array
from sleap_rtc.worker.reference_trainer.errors import CheckpointUnreadable, TrainingDiverged
from sleap_rtc.worker.reference_trainer.pose_dataset import PoseDataset, load_split
from sleap_rtc.worker.reference_trainer.pose_model import (
    MAP_STRIDE,
    AdamState,
    adam_step,
    backward,
    forward,
    initial_parameters,
)
from sleap_rtc.worker.reference_trainer.run import Run
from sleap_rtc.worker.reference_trainer.run_directory import BEST, LAST, RunDirectory, read_checkpoint
from sleap_rtc.worker.reference_trainer.working_image import normalise, to_cells, to_pixels

EVALUATION_BATCH = 16


@dataclass(frozen=True)
class TrainingResult:
    """The run in a few numbers; losses in nats, the error of the best checkpoint in original pixels."""

    epochs: int
    first_loss: float
    final_loss: float
    best_val_loss: float
    val_error_px: float
    frames: int
    nodes: int
    stopped: bool


def train(
    config: TrainingConfig,
    *,
    progress: Progress,
    log: Callable[[str], None],
    clock: Callable[[], float],
) -> TrainingResult:
    """Trains from the start or from a checkpoint, until the last epoch or a command to stop.

    Args:
        config: Of ``load_config``.
        progress: Where to report, and where commands come from; asked after every batch.
        log: Takes one line of text at a time.
        clock: Seconds that only ever grow.

    Raises:
        TrainerError: See ``errors.py``; what was saved until then stays.
    """
    training, validation = load_split(config)
    directory = RunDirectory(config.run_dir)
    directory.save_configs(initial_yaml=config.initial_yaml, effective_yaml=config.effective_yaml)
    directory.save_software(_software())
    state = _starting_point(config, training.maps)
    best = _best_so_far(config, state)
    if best is not None:
        directory.save_checkpoint(BEST, best)
    log(
        f"{TRAINER_NAME} {TRAINER_VERSION}: {config.model_type}, {len(training)} frames to learn from,"
        f" {len(validation)} held out, {len(training.maps)} nodes, epochs {state.next_epoch + 1}"
        f" to {config.max_epochs}"
    )
    batches = -(-len(training) // config.batch_size)
    progress.publish(
        "train_begin", wandb_url=None, abilities=ABILITIES, epochs=config.max_epochs, batches=batches
    )
    run = Run(directory, validation, training, config.learning_rate, state.parameters)
    steering = Steering(progress, f"{TRAINER_NAME} {TRAINER_VERSION}", run)
    seconds: dict[int, float] = {}
    while state.next_epoch < config.max_epochs and not steering.stopping:
        began = clock()
        state = _epoch(config, state, training, validation, progress, run, steering)
        record = state.history[-1]
        seconds[record.epoch] = clock() - began
        directory.save_checkpoint(LAST, state)
        if best is None or record.val_loss < best.history[-1].val_loss:
            best = state
            directory.save_checkpoint(BEST, best)
        directory.save_log(state.history, seconds)
        progress.publish("epoch_end", epoch=record.epoch, logs=_logs(record))
        log(
            f"{TRAINER_NAME}: epoch {record.epoch + 1}/{config.max_epochs} train_loss={record.train_loss:.4f}"
            f" val_loss={record.val_loss:.4f} val_error_px={record.val_error_px:.2f}"
            f" ({seconds[record.epoch]:.1f} s)"
        )
    steering.saved()
    progress.publish("train_end")
    return _finish(directory, state, best or state, len(training), len(validation), stopped=steering.stopping)


def _software() -> dict[str, str]:
    return {
        "trainer": f"{TRAINER_NAME} {TRAINER_VERSION}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "h5py": h5py.__version__,
    }


def _starting_point(config: TrainingConfig, maps: tuple[str, ...]) -> Checkpoint:
    if config.resume_from is None:
        parameters = initial_parameters(np.random.default_rng([config.seed, 0]), len(maps), np.float32)
        return Checkpoint(config.model_type, maps, parameters, AdamState.start(parameters), 0, ())
    state = read_checkpoint(config.resume_from)
    if (state.model_type, state.maps) != (config.model_type, maps):
        trained = f"a {state.model_type} model of {', '.join(state.maps)}"
        raise CheckpointUnreadable(
            config.resume_from, f"it is {trained}, which the config and labels are not"
        )
    return state


def _best_so_far(config: TrainingConfig, state: Checkpoint) -> Checkpoint | None:
    """The best checkpoint before this run: the one beside the checkpoint to resume from, if not younger."""
    if config.resume_from is None:
        return None
    beside = config.resume_from.with_name(BEST)
    if beside == config.resume_from or not beside.is_file():
        return state
    best = read_checkpoint(beside)
    return best if best.maps == state.maps and best.next_epoch <= state.next_epoch else state


def _epoch(
    config: TrainingConfig,
    state: Checkpoint,
    training: PoseDataset,
    validation: PoseDataset,
    progress: Progress,
    run: Run,
    steering: Steering,
) -> Checkpoint:
    """One epoch, or the part of it up to a stop; the record of a part is replaced on resuming."""
    epoch = state.next_epoch
    parameters, optimizer = state.parameters, state.optimizer
    order = np.arange(len(training))
    if config.shuffle:
        order = np.random.default_rng([config.seed, 2, epoch]).permutation(len(training))
    progress.publish("epoch_begin", epoch=epoch)
    total, seen = 0.0, 0
    batches = list(_batches(order, config.batch_size))
    for batch, chosen in enumerate(batches):
        rate = run.rate
        progress.publish("batch_start", batch=batch)
        images, targets = _examples(training.subset(chosen))
        with np.errstate(over="ignore", invalid="ignore"):  # the loss is checked instead
            scores, trace = forward(parameters, images)
            loss, gradient = divergence(scores, targets)
            if not np.isfinite(loss):
                raise TrainingDiverged(loss, epoch, batch, rate)
            gradients = backward(parameters, trace, gradient)
            parameters, optimizer = adam_step(parameters, gradients, optimizer, rate)
        total, seen = total + loss * len(chosen), seen + len(chosen)
        progress.publish("batch_end", epoch=epoch, batch=batch, logs={"loss": loss, "train/lr": rate})
        run.parameters = parameters
        steering.between_batches(Moment(epoch, batch, len(batches), config.max_epochs))
        if steering.stopping:
            break
    whole = seen == len(training)
    trained = replace(
        state, parameters=parameters, optimizer=optimizer, next_epoch=epoch + 1 if whole else epoch
    )
    with np.errstate(over="ignore", invalid="ignore"):
        val_loss, val_error_px = evaluate(trained, validation)
    if not np.isfinite(val_loss):
        raise TrainingDiverged(val_loss, epoch, batch, rate)
    record = EpochRecord(epoch, total / seen, val_loss, val_error_px, rate)
    earlier = tuple(past for past in state.history if past.epoch < epoch)
    return replace(trained, history=(*earlier, record))


def evaluate(checkpoint: Checkpoint, frames: PoseDataset) -> tuple[float, float]:
    """The loss in nats and the mean distance to the labels in original pixels."""
    loss = 0.0
    predicted = np.empty_like(frames.places)
    for chosen in _batches(np.arange(len(frames)), EVALUATION_BATCH):
        part = frames.subset(chosen)
        images, targets = _examples(part)
        scores = forward(checkpoint.parameters, images)[0]
        loss += divergence(scores, targets)[0] * len(chosen) / len(frames)
        predicted[chosen] = to_pixels(locate(scores), part.scale)
    distance = np.linalg.norm(predicted - frames.places, axis=-1)
    return loss, float(np.nanmean(distance))


def _batches(order: NDArray[np.intp], size: int) -> Iterator[NDArray[np.intp]]:
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _examples(frames: PoseDataset) -> tuple[Array, Array]:
    height, width = (side // MAP_STRIDE for side in frames.canvas.shape[1:])
    return normalise(frames.canvas), target_maps(to_cells(frames.places, frames.scale), height, width)


def _logs(record: EpochRecord) -> dict[str, float]:
    return {
        "loss": record.train_loss,
        "train/loss": record.train_loss,
        "val/loss": record.val_loss,
        "train/lr": record.learning_rate,
        "val_loss": record.val_loss,
        "val_error_px": record.val_error_px,
    }


def _finish(
    directory: RunDirectory,
    state: Checkpoint,
    best: Checkpoint,
    training: int,
    validation: int,
    *,
    stopped: bool,
) -> TrainingResult:
    first, last, chosen = state.history[0], state.history[-1], best.history[-1]
    result = TrainingResult(
        epochs=len(state.history),
        first_loss=first.train_loss,
        final_loss=last.train_loss,
        best_val_loss=chosen.val_loss,
        val_error_px=chosen.val_error_px,
        frames=training + validation,
        nodes=len(state.maps),
        stopped=stopped,
    )
    metrics = {"trainer": TRAINER_NAME, "trainer_version": TRAINER_VERSION, **vars(result)}
    directory.save_metrics(metrics | {"node_names": list(state.maps), "best_epoch": chosen.epoch + 1})
    return result
