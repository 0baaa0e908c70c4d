"""What a training goes through between a client and two workers, whichever engine does it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from sleap_rtc.events.job_progress import (
    BatchEnded,
    CommandAnswered,
    EpochEnded,
    LineLogged,
    MachineMeasured,
    RunEnded,
    Told,
    TrainingBegun,
    TransferMoved,
)
from sleap_rtc.local.example_animal import film
from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.worker.engine.sample_picture import COLOURS, LEGEND_PX
from support.attached import Attached
from support.product import eventually
from support.training_scene import PATIENCE_S, TrainingScene, assert_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from support.product import Product

FRAMES = 24
SIZE_PX = 96
RATE = 0.00025
PIXELS_OF_A_DISC = 6
"""Of the square that fits into the disc of a prediction; the ring around a label is 2 pixels wide."""


@dataclass(frozen=True)
class CourseEngine:
    """An engine, and what is its own.

    Args:
        name: what a job asks for.
        software: as a model's record says it, such as `sleap-nn 0.3.5`.
        settings: make it quick, and its training endless.
        keeps_rate: whether a learning rate that was set is in its checkpoints.
        predict: gives (nodes, 2) x and y in pixels, given a model, the package and a frame.
    """

    name: str
    software: str
    settings: Mapping[str, str]
    keeps_rate: bool
    predict: Callable[[Path, Path, int], NDArray[np.float64]]


def go_the_course(
    product: Product, engine: CourseEngine, folder: Path, credentials: tuple[bool, bool] = (True, False)
) -> None:
    """Train, steer, lose the worker, go on with another one, stop, publish, pull and predict.

    Args:
        product: the stack.
        engine: what trains.
        folder: for the package and the model.
        credentials: whether the first worker has a role, and whether the second one has.
    """
    package = folder / "Mäuse 2.zip"
    make_example_package(package, frames=FRAMES, size=SIZE_PX)
    with (
        TrainingScene(product, package, engine.settings, engine.name) as scene,
        Attached(product, scene.room, scene.job_id) as ada,
    ):
        first = scene.worker(credentials=credentials[0])
        ada.sees(epoch)
        _is_held_draws_and_takes_another_rate(scene, ada, folder / "drawn.png")
        under_way, run = _is_killed(scene, first), ada.heard()[-1].run
        scene.worker(credentials=credentials[1])
        _goes_on(ada, engine, under_way, run)
        assert "partial" in scene.tell("stop")["text"]
        model = scene.published()
        assert ada.ended() == (0, "")
        _was_told_everything(ada)
        _is_whole(scene, engine, model)
        _predicts(product, scene, engine, model["model"]["id"], package, folder / "pulled")


def epoch(told: Told) -> bool:
    """Whether an epoch is over."""
    return isinstance(told.event, EpochEnded)


def answered(name: str) -> Callable[[Told], bool]:
    """Whether a command has been answered."""
    return lambda told: isinstance(told.event, CommandAnswered) and told.event.name == name


def _is_held_draws_and_takes_another_rate(scene: TrainingScene, ada: Attached, picture: Path) -> None:
    assert "paused after batch" in scene.tell("pause")["text"]
    ada.sees(answered("pause"))
    held = ada.seen
    drawn = scene.tell("sample", "-o", str(picture))
    assert_shows_predictions(picture.read_bytes())
    assert np.isfinite(drawn["values"]["error_px"])
    ada.sees(answered("sample"), held)
    moved = [told.event for told in ada.heard(held) if isinstance(told.event, BatchEnded | EpochEnded)]
    assert moved == [], "it trained while it was paused"
    assert f" -> {RATE}" in scene.tell("set-lr", str(RATE))["text"]
    scene.tell("resume")
    ada.sees(lambda told: epoch(told) and rate_of(told) == pytest.approx(RATE), held)


def _is_killed(scene: TrainingScene, worker: Any) -> int:
    """Return the epoch that is lost with it."""
    under_way = int(scene.tell("pause")["values"]["epoch"])
    eventually(lambda: scene.epoch_kept() >= under_way - 1, PATIENCE_S)
    scene.kill_9(worker)
    return under_way


def _goes_on(ada: Attached, engine: CourseEngine, under_way: int, run: int) -> None:
    """Wait until two more epochs are done, from the one that was under way."""

    def later(told: Told) -> bool:
        return epoch(told) and told.run > run

    again = ada.sees(later)
    assert isinstance(again.event, EpochEnded)
    assert again.event.epoch >= under_way, "more than the epoch that was under way was done again"
    assert (rate_of(again) == pytest.approx(RATE)) == engine.keeps_rate
    ada.sees(lambda told: later(told) and told.seq > again.seq)


def _was_told_everything(ada: Attached) -> None:
    told = [each.event for each in ada.heard()]
    lines = [event.text for event in told if isinstance(event, LineLogged)]
    assert any(line.startswith("going on from the checkpoint after epoch") for line in lines)
    assert sum(isinstance(event, TrainingBegun) for event in told) == 2
    assert any(isinstance(event, MachineMeasured) for event in told)
    ways = [(event.direction, event.state) for event in told if isinstance(event, TransferMoved)]
    assert ("download", "done") in ways
    assert ways[-1] == ("upload", "done")
    assert isinstance(told[-1], RunEnded)


def _is_whole(scene: TrainingScene, engine: CourseEngine, model: dict[str, Any]) -> None:
    """It is a partial model with every epoch in its curve, and nothing is left of checkpoints."""
    assert_whole(model)
    assert model["record"]["metrics"]["partial"] is True
    assert model["record"]["software"]["trainer"] == engine.software
    eventually(lambda: scene.stored() == [])


def _predicts(
    product: Product, scene: TrainingScene, engine: CourseEngine, model_id: str, package: Path, to: Path
) -> None:
    pulled = product.run("models", "pull", model_id, "-r", scene.room, "-o", str(to))
    assert pulled.status == 0, pulled.err
    poses = np.stack([shot.pose for shot in film(FRAMES, SIZE_PX, 0)])
    by_chance_px = np.linalg.norm(poses - SIZE_PX / 2, axis=2).mean(axis=1)
    hardest = int(by_chance_px.argmax())
    found = engine.predict(to / f"single_instance_{model_id}", package, hardest)
    error_px = np.linalg.norm(found - poses[hardest], axis=1).mean()
    assert error_px < by_chance_px[hardest] / 2, f"{found} for {poses[hardest]}"


def rate_of(told: Told) -> float | None:
    """Return the learning rate that the optimizer had in an epoch."""
    return told.event.logs.get("train/lr") if isinstance(told.event, EpochEnded) else None


def assert_shows_predictions(picture: bytes) -> None:
    """There is the disc of a prediction in the frame, beside what is said of it."""
    with Image.open(io.BytesIO(picture)) as image:
        assert image.format == "PNG"
        frame = np.asarray(image.convert("RGB"))[:, : image.width - LEGEND_PX]
    square = (PIXELS_OF_A_DISC, PIXELS_OF_A_DISC)
    discs = [
        np.lib.stride_tricks.sliding_window_view((frame == colour).all(axis=2), square).all(axis=(2, 3)).any()
        for colour in COLOURS
    ]
    assert any(discs)
