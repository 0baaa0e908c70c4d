"""What the reference trainer does when it is told to, between two batches, and how it says so."""

import io
import itertools
import json
import shutil
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from PIL import Image

from sleap_rtc.local.example_animal import NODES
from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.storage.model_folder import read_model_folder
from sleap_rtc.worker.engine.progress import Command, MemoryProgress, ZmqProgress
from sleap_rtc.worker.engine.sample_picture import COLOURS, LEGEND_PX, SIDE_PX, draw
from sleap_rtc.worker.engine.steering import in_full
from sleap_rtc.worker.reference_trainer.config import load_config
from sleap_rtc.worker.reference_trainer.training import TrainingResult, train

FRAMES, BATCHES = 12, 3


@pytest.fixture(scope="session")
def steered_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steered")
    make_example_package(folder / "mouse.zip", frames=FRAMES, size=32)
    with zipfile.ZipFile(folder / "mouse.zip") as archive:
        archive.extractall(folder)
    return folder / "mouse"


@pytest.fixture
def here(steered_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(steered_package, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Script:
    """Commands by the number of batches after which they come; 1.5 is after those of 1 were obeyed."""

    def __init__(self, **at: Command | list[Command]) -> None:
        self._at = {int(name.lstrip("b")): given for name, given in at.items()}

    def __call__(self, events: list[dict[str, object]]) -> list[Command]:
        given = self._at.pop(sum(event["event"] == "batch_end" for event in events), [])
        return given if isinstance(given, list) else [given]


def in_turn(*given: list[Command]) -> Callable[[list[dict[str, object]]], list[Command]]:
    """Commands by how often the trainer asked for some."""
    left = iter(given)
    return lambda _: next(left, [])


def run(script: Callable[[list[dict[str, object]]], list[Command]]) -> tuple[TrainingResult, MemoryProgress]:
    ticks = itertools.count()
    progress = MemoryProgress(script)
    config = load_config(
        Path(),
        "single_instance.yaml",
        [
            "trainer_config.max_epochs=2",
            "trainer_config.train_data_loader.batch_size=4",
            "data_config.use_same_data_for_val=true",
        ],
    )
    result = train(config, progress=progress, log=lambda _: None, clock=lambda: float(next(ticks)))
    return result, progress


def answers(progress: MemoryProgress) -> dict[object, str]:
    """Effects and refusals by the commands' ids."""
    return {
        event["id"]: str(event.get("effect") or event.get("why"))
        for event in progress.events
        if "id" in event
    }


def test_it_says_at_the_start_what_it_can_do(here: Path) -> None:
    _, progress = run(Script())
    abilities = {
        "abilities": ("pause", "resume", "stop", "set_lr", "sample"),
        "epochs": 2,
        "batches": BATCHES,
    }
    assert abilities.items() <= progress.events[0].items()


def test_a_pause_holds_until_a_resume_and_the_training_is_the_same_as_without(here: Path) -> None:
    _, without = run(Script())
    pauses: list[Command] = [{"command": "pause", "id": "p"}, {"command": "pause", "id": "again"}]
    resumes: list[Command] = [{"command": "resume", "id": "r"}, {"command": "resume", "id": "twice"}]
    _, progress = run(in_turn(pauses, resumes))
    assert answers(progress) == {
        "p": "paused after batch 1 of epoch 1",
        "again": "paused already, after batch 1 of epoch 1",
        "r": "resumed after batch 1 of epoch 1",
        "twice": "not paused: training goes on after batch 1 of epoch 1",
    }
    told = [event for event in progress.events if "id" not in event]
    assert [event["event"] for event in told[4:6]] == ["paused", "resumed"]
    assert [event for event in told if event["event"] not in {"paused", "resumed"}] == without.events


def test_a_learning_rate_counts_from_the_next_batch_on(here: Path) -> None:
    _, progress = run(Script(b2={"command": "set_lr", "id": "a", "value": 0.00005}))
    rates = [event["logs"]["train/lr"] for event in progress.events if event["event"] == "batch_end"]  # type: ignore[index]
    assert rates == [0.002] * 2 + [0.00005] * 4
    ends: list[Any] = [event["logs"] for event in progress.events if event["event"] == "epoch_end"]
    assert [logs["train/lr"] for logs in ends] == [0.00005, 0.00005]
    assert answers(progress) == {"a": "learning rate 0.002 -> 0.00005 from batch 3 of epoch 1"}


def test_a_learning_rate_after_the_last_batch_of_an_epoch_counts_in_the_next(here: Path) -> None:
    end = BATCHES * 2
    script = Script(
        b3={"command": "set_lr", "id": "a", "value": 1},
        **{f"b{end}": {"command": "set_lr", "id": "b", "value": 2}},
    )
    _, progress = run(script)
    assert answers(progress)["a"] == "learning rate 0.002 -> 1 from batch 1 of epoch 2"
    assert answers(progress)["b"].startswith("That was the last batch")


def test_a_small_learning_rate_changes_the_model_less(here: Path) -> None:
    result, _ = run(Script())
    slow, _ = run(Script(b1={"command": "set_lr", "id": "a", "value": 1e-9}))
    assert slow.final_loss > result.final_loss


def test_a_learning_rate_that_is_none_is_refused(here: Path) -> None:
    values = [0, -1, float("nan"), float("inf"), "1", None, True]
    commands: list[Command] = [{"command": "set_lr", "id": str(value), "value": value} for value in values]
    _, progress = run(Script(b1=commands))
    assert set(answers(progress)) == set(map(str, values))
    for answer in answers(progress).values():
        assert answer.startswith("A learning rate is a number above 0, which ")


def test_a_stop_is_answered_once_the_checkpoint_is_written(here: Path) -> None:
    result, progress = run(Script(b2={"command": "stop", "id": "s"}))
    assert result.stopped
    assert [event["event"] for event in progress.events[-3:]] == ["epoch_end", "command_done", "train_end"]
    assert answers(progress) == {
        "s": "stopping: checkpoint saved after batch 2 of epoch 1, the model is published as partial"
    }
    assert (here / "models/single_instance/best.ckpt").is_file()


def test_a_stop_is_obeyed_while_paused(here: Path) -> None:
    result, progress = run(in_turn([{"command": "pause", "id": "p"}], [{"command": "stop", "id": "s"}]))
    assert result.stopped
    assert answers(progress)["s"].startswith("stopping: checkpoint saved after batch 1 of epoch 1")


def test_a_stop_after_the_last_batch_leaves_a_whole_model(here: Path) -> None:
    result, progress = run(Script(b6={"command": "stop", "id": "s"}))
    assert not result.stopped
    assert answers(progress)["s"].startswith("That was the last batch")


def test_a_sample_is_a_picture_that_is_no_part_of_the_model(here: Path) -> None:
    _, progress = run(
        Script(b4=[{"command": "sample", "id": "a", "frame": 7}, {"command": "sample", "id": "b"}])
    )
    assert answers(progress) == {"a": "sample of frame 7 saved", "b": "sample of frame 0 saved"}
    event: Any = next(event for event in progress.events if event.get("id") == "a")
    assert event["files"] == ["models/single_instance/samples/epoch_002_frame_7.png"]
    assert event["values"]["error_px"] > 0
    with Image.open(here / event["files"][0]) as picture:
        assert picture.size == (SIDE_PX + LEGEND_PX, SIDE_PX)
        shades = {colour for _, colour in picture.getcolors(1 << 20) or []}
    assert set(COLOURS[: len(NODES)]) <= shades
    assert "samples/" in read_model_folder(here / "models/single_instance").left_out


def test_a_frame_that_is_not_there_is_refused(here: Path) -> None:
    asked: list[Command] = [{"command": "sample", "id": str(frame), "frame": frame} for frame in (999, "x")]
    _, progress = run(Script(b1=asked))
    assert answers(progress)["999"].startswith("Frame 999 is not among the labelled frames of this dataset; ")
    assert answers(progress)["x"].startswith("A frame is given by its number in the video, which 'x' is not.")


def test_a_picture_that_the_disk_does_not_take_costs_the_picture_alone(here: Path) -> None:
    (here / "models/single_instance").mkdir(parents=True)
    (here / "models/single_instance/samples").write_text("a file in the way")
    result, progress = run(Script(b1={"command": "sample", "id": "a"}))
    assert answers(progress)["a"].startswith("Frame 0 could not be drawn: ")
    assert result.epochs == 2


def test_a_command_that_nobody_knows_is_refused_and_one_without_an_id_is_passed_over(here: Path) -> None:
    _, progress = run(Script(b1=[{"command": "dance", "id": "a"}, {"command": "dance"}, {"id": "b"}]))
    assert answers(progress) == {
        "a": "reference trainer 1.0 knows no command 'dance'.",
        "b": "reference trainer 1.0 knows no command None.",
    }


def test_a_picture_shows_what_is_missing_too() -> None:
    missing = [np.nan, np.nan]
    found = np.array([[[3.0, 4.0], [10.0, 12.0]], [[20.0, 4.0], missing]])
    labels = np.array([[[20.0, 7.0], [24.0, 4.0]], [[3.0, 5.0], missing]])
    names = ["Näschen", "tail " * 20]
    content, error_px = draw(np.zeros((20, 30, 3), np.uint8), found, labels, names, [(0, 1)], "epoch 1", 2)
    assert error_px == 2 * (3 + 1) / 2
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == (SIDE_PX + LEGEND_PX, SIDE_PX * 2 // 3)
        factor = SIDE_PX // 30
        places = found[np.isfinite(found).all(axis=2)]
        shown = [picture.getpixel(((x + 0.5) * factor, (y + 0.5) * factor)) for x, y in places]
    assert shown == [COLOURS[0], COLOURS[1], COLOURS[0]]


@pytest.mark.parametrize("animals", [0, 1])
def test_a_picture_of_nothing_is_drawn(animals: int) -> None:
    nothing, labels = np.empty((0, 2, 2)), np.full((animals, 2, 2), 3.0)
    _, error_px = draw(np.zeros((9, 9), np.uint8), nothing, labels, ["a", "b"], [], "epoch 1")
    assert np.isnan(error_px)


@pytest.mark.parametrize(
    ("rate", "told"), [(0.0001, "0.0001"), (1e-5, "0.00001"), (1, "1"), (1e-12, "1e-12"), (2e7, "2e+07")]
)
def test_learning_rates_are_written_as_people_do(rate: float, told: str) -> None:
    assert in_full(rate) == told


def test_a_command_that_comes_again_is_answered_again_and_done_once() -> None:
    context = zmq.Context()
    listener, commander = context.socket(zmq.SUB), context.socket(zmq.XPUB)
    listener.subscribe("")
    listener.setsockopt(zmq.RCVTIMEO, 60_000)
    publish, control = (socket.bind_to_random_port("tcp://127.0.0.1") for socket in (listener, commander))
    pause = json.dumps({"command": "pause", "id": "a"})
    with (
        ThreadPoolExecutor(1) as pool,
        ZmqProgress("m", publish_port=publish, controller_port=control) as progress,
    ):
        commander.recv()  # it listens
        heard = pool.submit(lambda: [json.loads(listener.recv()) for _ in range(3)])
        progress.publish("train_begin")
        for _ in range(2):
            commander.send_string(pause)
        taken = progress.commands(wait=True)
        while len(taken) < 1:
            taken += progress.commands(wait=True)
        progress.publish("command_done", id="a", effect="paused")
        commander.send_string(pause)
        commander.send_string(json.dumps({"command": "resume", "id": "b"}))
        while len(taken) < 2:
            taken += progress.commands(wait=True)
        _, *answered = heard.result(60)
    context.destroy(linger=0)
    assert [command["id"] for command in taken] == ["a", "b"]
    assert [message["effect"] for message in answered] == ["paused", "paused"]
