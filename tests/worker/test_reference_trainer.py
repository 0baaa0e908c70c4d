"""The reference trainer: its gradients, and that it learns, resumes, stops and says what went wrong."""

import csv
import itertools
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml
import zmq
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.worker.engine.progress import MemoryProgress, ZmqProgress
from sleap_rtc.worker.reference_trainer.__main__ import main
from sleap_rtc.worker.reference_trainer.checkpoint import NotACheckpoint, decode
from sleap_rtc.worker.reference_trainer.confidence_maps import divergence, locate, target_maps
from sleap_rtc.worker.reference_trainer.config import TrainingConfig, load_config
from sleap_rtc.worker.reference_trainer.errors import CheckpointUnreadable, ConfigUnreadable, TrainerError
from sleap_rtc.worker.reference_trainer.pose_model import backward, forward, initial_parameters
from sleap_rtc.worker.reference_trainer.prediction import predict
from sleap_rtc.worker.reference_trainer.slp_package import labelled_frames
from sleap_rtc.worker.reference_trainer.training import TrainingResult, train
from sleap_rtc.worker.reference_trainer.working_image import shrink, to_cells, to_pixels

FRAMES = 48
SIZE_PX = 64
CONFIG = "single_instance.yaml"
GOLDEN = Path(__file__).parent / "golden" / "tiny.pkg.slp"
Here = Callable[..., TrainingConfig]


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example")
    make_example_package(folder / "mouse.zip", frames=FRAMES, size=SIZE_PX)
    with zipfile.ZipFile(folder / "mouse.zip") as archive:
        archive.extractall(folder)
    return folder / "mouse"


@pytest.fixture
def here(example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the unpacked example in it."""
    shutil.copytree(example, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(*overrides: str) -> TrainingConfig:
    return load_config(Path(), CONFIG, ["trainer_config.max_epochs=2", *overrides])


def run(*overrides: str, progress: MemoryProgress | None = None) -> TrainingResult:
    ticks = itertools.count()
    return train(
        config(*overrides),
        progress=progress or MemoryProgress(),
        log=lambda _: None,
        clock=lambda: float(next(ticks)),
    )


def batches_of(events: list[dict[str, object]]) -> int:
    return sum(event["event"] == "batch_end" for event in events)


def stop_at_batch(number: int) -> MemoryProgress:
    return MemoryProgress(lambda events: [{"command": "stop"}] if batches_of(events) == number else [])


def log_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "training_log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def assert_one_clear_line(text: str, *parts: str) -> None:
    assert text.startswith("reference trainer: ")
    assert text.count("\n") == 1
    assert "Traceback" not in text
    for part in parts:
        assert part in text


# The model


def test_gradients_agree_with_finite_differences() -> None:
    rng = np.random.default_rng(5)
    parameters = initial_parameters(rng, 3, np.float64)
    for name in parameters:
        if name.endswith("bias"):
            parameters[name] += rng.normal(0, 0.1, parameters[name].shape)
    images = rng.normal(size=(2, 16, 12, 1))
    places = np.array([[[1.2, 3.0], [4.0, 6.5], [np.nan, np.nan]], [[2.0, 2.0], [0.0, 7.0], [5.0, 1.5]]])
    targets = target_maps(places, 8, 6).astype(np.float64)

    def loss() -> float:
        return divergence(forward(parameters, images)[0], targets)[0]

    scores, trace = forward(parameters, images)
    gradients = backward(parameters, trace, divergence(scores, targets)[1])
    step = 1e-6
    for name, values in parameters.items():
        for position in rng.choice(values.size, size=min(values.size, 6), replace=False):
            index = np.unravel_index(position, values.shape)
            before = values[index]
            values[index] = before + step
            above = loss()
            values[index] = before - step
            below = loss()
            values[index] = before
            expected = (above - below) / (2 * step)
            assert gradients[name][index] == pytest.approx(expected, rel=1e-4, abs=1e-7), name


@given(
    x=st.floats(1.5, 17.5),
    y=st.floats(1.5, 12.5),
)
def test_a_perfect_map_has_no_loss_and_its_peak_is_the_label(x: float, y: float) -> None:
    targets = target_maps(np.array([[[x, y]]]), 15, 20)
    scores = np.log(np.maximum(targets, 1e-30)).astype(np.float64)
    loss, gradient = divergence(scores, targets)
    assert loss == pytest.approx(0, abs=1e-5)
    assert np.abs(gradient).max() < 1e-6
    np.testing.assert_allclose(locate(scores)[0, 0], [x, y], atol=0.25)


def test_missing_and_outside_nodes_do_not_count() -> None:
    targets = target_maps(np.array([[[np.nan, np.nan], [99.0, 3.0], [-5.0, 1.0]]]), 8, 8)
    assert targets.sum() == 0
    loss, gradient = divergence(np.ones((1, 8, 8, 3)), targets)
    assert loss == 0
    assert not gradient.any()


@given(width=st.integers(1, 700), height=st.integers(1, 700), x=st.floats(0, 700), y=st.floats(0, 700))
def test_places_survive_the_way_to_the_working_size_and_back(
    width: int, height: int, x: float, y: float
) -> None:
    working = shrink(np.zeros((height, width), np.uint8))
    assert max(working.pixels.shape) <= 96
    scale = np.array(working.scale)
    np.testing.assert_allclose(to_pixels(to_cells(np.array([x, y]), scale), scale), [x, y], atol=1e-6)


# Training


def test_the_loss_falls_and_the_nodes_are_found(here: Path) -> None:
    result = run("trainer_config.max_epochs=16", "trainer_config.optimizer.lr=0.004")
    assert result.first_loss > 4 * result.final_loss
    assert result.val_error_px < SIZE_PX / 16
    losses = [float(row["train_loss"]) for row in log_rows(here / "models/single_instance")]
    assert len(losses) == 16
    assert losses[-1] == min(losses[:8] + losses[-1:])

    frame = next(labelled_frames(here / "mouse.pkg.slp"))
    places = predict(here / "models/single_instance/best.ckpt", frame.image)
    assert places.shape == (3, 2)
    assert np.linalg.norm(places - frame.points, axis=1).mean() < SIZE_PX / 10


def test_the_run_directory_holds_what_a_client_expects(here: Path) -> None:
    result = run("trainer_config.run_name=mouse", "trainer_config.ckpt_dir=out")
    folder = here / "out" / "mouse"
    assert sorted(file.name for file in folder.iterdir()) == [
        "best.ckpt",
        "initial_config.yaml",
        "last.ckpt",
        "metrics.json",
        "software.json",
        "training_config.yaml",
        "training_log.csv",
    ]
    assert json.loads((folder / "software.json").read_text())["numpy"] == np.__version__
    assert (folder / "initial_config.yaml").read_text() == (here / CONFIG).read_text()
    effective = yaml.safe_load((folder / "training_config.yaml").read_text())
    assert effective["trainer_name"] == "reference trainer"
    assert effective["trainer_config"]["max_epochs"] == 2
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["trainer"] == "reference trainer"
    assert (metrics["epochs"], metrics["frames"], metrics["nodes"]) == (2, FRAMES, 3)
    assert metrics["final_loss"] == result.final_loss
    assert metrics["best_val_loss"] == min(
        record.val_loss for record in decode((folder / "last.ckpt").read_bytes()).history
    )
    rows = log_rows(folder)
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert [row["seconds"] for row in rows] == ["1.000", "1.000"]


def test_the_same_seed_gives_the_same_checkpoint(here: Path) -> None:
    checkpoints = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        run(f"trainer_config.run_name={name}", f"trainer_config.seed={seed}", "trainer_config.max_epochs=1")
        checkpoints.append((here / "models" / name / "best.ckpt").read_bytes())
    assert checkpoints[0] == checkpoints[1]
    assert checkpoints[0] != checkpoints[2]


def test_a_resumed_run_ends_like_one_without_a_break(here: Path) -> None:
    run("trainer_config.run_name=whole", "trainer_config.max_epochs=3")
    run("trainer_config.run_name=first", "trainer_config.max_epochs=1")
    run(
        "trainer_config.run_name=second",
        "trainer_config.max_epochs=3",
        "trainer_config.resume_ckpt_path=models/first/last.ckpt",
    )
    for name in ("last.ckpt", "best.ckpt"):
        assert (here / "models/second" / name).read_bytes() == (here / "models/whole" / name).read_bytes()
    assert [row["epoch"] for row in log_rows(here / "models/second")] == ["0", "1", "2"]


def test_resuming_a_finished_run_trains_nothing_and_keeps_the_best_model(here: Path) -> None:
    run()
    best = (here / "models/single_instance/best.ckpt").read_bytes()
    run("trainer_config.run_name=again", "trainer_config.resume_ckpt_path=models/single_instance/last.ckpt")
    assert (here / "models/again/best.ckpt").read_bytes() == best
    assert json.loads((here / "models/again/metrics.json").read_text())["epochs"] == 2


def test_a_stop_in_mid_epoch_saves_and_the_epoch_is_done_again_on_resuming(here: Path) -> None:
    result = run(progress=stop_at_batch(2))
    assert (result.stopped, result.epochs) == (True, 1)
    last = here / "models/single_instance/last.ckpt"
    stopped = decode(last.read_bytes())
    assert (stopped.next_epoch, stopped.optimizer.step) == (0, 2)
    assert (here / "models/single_instance/best.ckpt").is_file()
    resumed = run(f"trainer_config.resume_ckpt_path={last}")
    assert (resumed.stopped, resumed.epochs) == (False, 2)
    assert [row["epoch"] for row in log_rows(here / "models/single_instance")] == ["0", "1"]


def test_events_come_in_the_order_of_sleap_nn(here: Path) -> None:
    progress = MemoryProgress()
    run("trainer_config.train_data_loader.batch_size=40", "trainer_config.max_epochs=1", progress=progress)
    assert [event["event"] for event in progress.events] == [
        "train_begin",
        "epoch_begin",
        *["batch_start", "batch_end"] * 2,
        "epoch_end",
        "train_end",
    ]
    assert {"epoch": 0, "batch": 1}.items() <= progress.events[5].items()
    logs: Any = progress.events[-2]["logs"]
    assert logs["val_loss"] == logs["val/loss"]
    assert {"loss", "train/loss", "val_error_px"} <= set(logs)


def test_centroid_models_have_one_map(here: Path) -> None:
    progress = MemoryProgress()
    heads = "{centroid: {confmaps: {sigma: 5.0}}, single_instance: null}"
    result = run(f"model_config.head_configs={heads}", progress=progress)
    assert result.nodes == 1
    assert decode((here / "models/single_instance/best.ckpt").read_bytes()).maps == ("centroid",)


def test_packages_of_sleap_io_with_missing_nodes_train(here: Path) -> None:
    shutil.copy(GOLDEN, here / "tiny.pkg.slp")
    result = run("data_config.train_labels_path=[tiny.pkg.slp]")
    assert result.frames == 3
    assert np.isfinite(result.final_loss)


def test_validation_labels_of_their_own_are_used(here: Path) -> None:
    result = run("data_config.val_labels_path=[mouse.pkg.slp]")
    assert result.frames == 2 * FRAMES


# The process


@pytest.fixture
def sockets() -> Iterator[tuple[zmq.Socket[bytes], zmq.Socket[bytes], list[str]]]:
    """What the worker binds: where it hears, where it commands, and the overrides that say so."""
    context = zmq.Context()
    listener, commander = context.socket(zmq.SUB), context.socket(zmq.PUB)
    listener.subscribe("")
    publish = listener.bind_to_random_port("tcp://127.0.0.1")
    control = commander.bind_to_random_port("tcp://127.0.0.1")
    ports = [f"trainer_config.zmq.publish_port={publish}", f"trainer_config.zmq.controller_port={control}"]
    yield listener, commander, ports
    context.destroy(linger=0)


def start(folder: Path, *overrides: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sleap_rtc.worker.reference_trainer", "train", "--config-name"]
    return subprocess.Popen(
        [*command, CONFIG, "--config-dir", ".", *overrides],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_stop_over_zmq_ends_the_process_well(
    here: Path, sockets: tuple[zmq.Socket[bytes], zmq.Socket[bytes], list[str]]
) -> None:
    listener, commander, ports = sockets
    process = start(here, "trainer_config.ckpt_dir=models", "trainer_config.max_epochs=500", *ports)
    heard: list[dict[str, Any]] = []
    try:
        while not heard or heard[-1]["event"] != "train_end":
            assert listener.poll(60_000), "the trainer went silent"
            heard.append(json.loads(listener.recv()))
            if heard[-1]["event"] == "batch_end":
                commander.send_string("not json")
                commander.send_string('{"command": "set_lr", "lr": 1}')
            if heard[-1]["event"] == "epoch_end" and heard[-1]["epoch"] >= 1:
                commander.send_string('{"command": "stop"}')
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, errors) == (0, "")
    assert {"what": "single_instance", "event": "train_begin", "wandb_url": None}.items() <= heard[0].items()
    assert "reference trainer: stopped after" in output
    metrics = json.loads((here / "models/single_instance/metrics.json").read_text())
    assert metrics["stopped"] is True
    assert metrics["epochs"] == sum(message["event"] == "epoch_end" for message in heard)
    assert 2 <= metrics["epochs"] < 500


def test_the_first_message_waits_for_the_listener(
    sockets: tuple[zmq.Socket[bytes], zmq.Socket[bytes], list[str]],
) -> None:
    listener, _, ports = sockets
    port = int(ports[0].partition("=")[2])
    with ThreadPoolExecutor(1) as pool:  # a listener subscribes while it listens
        heard = pool.submit(lambda: listener.recv() if listener.poll(10_000) else b"null")
        with ZmqProgress("mouse", publish_port=port, controller_port=None) as progress:
            progress.publish("train_begin")
            assert progress.commands() == []
    assert json.loads(heard.result()) == {"what": "mouse", "event": "train_begin", "logs": None}


def test_the_process_tells_a_damaged_frame_in_one_line(here: Path) -> None:
    with h5py.File(here / "mouse.pkg.slp", "a") as file:
        file["video0/video"][5, 40:] = 1
    process = start(here)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 5
    assert_one_clear_line(errors, "mouse.pkg.slp", "frame 5 does not decode")
    assert output == ""


def test_it_needs_no_ports_and_flushes_one_line_per_epoch(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--config-name", "single_instance", "trainer_config.max_epochs=2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("reference trainer: epoch ")]) == 2
    assert (here / "models/single_instance/best.ckpt").is_file()


def _no_images(folder: Path) -> None:
    with h5py.File(folder / "mouse.pkg.slp", "a") as file:
        del file["video0"]


def _no_labels(folder: Path) -> None:
    with h5py.File(folder / "mouse.pkg.slp", "a") as file:
        instances = file["instances"][:]
        instances["instance_type"] = 1
        instances["point_id_start"] = instances["point_id_end"] = 0
        file["instances"][:] = instances


def _truncated(folder: Path) -> None:
    with (folder / "mouse.pkg.slp").open("r+b") as file:
        file.truncate(5000)


def _not_a_checkpoint(folder: Path) -> None:
    (folder / "x.ckpt").write_bytes(b"PK\x03\x04 something else")


def _file_in_the_way(folder: Path) -> None:
    (folder / "models").write_text("a file")


def _nothing(_: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("spoil", "override", "code", "words"),
    [
        (_nothing, "trainer_config.max_epochs=none", 3, "max_epochs"),
        (_nothing, "trainer_config.max_epochs", 3, "section.name=value"),
        (_nothing, "model_config.head_configs={bottomup: null}", 3, "every head is null"),
        (_nothing, "data_config.train_labels_path=[]", 3, "train_labels_path"),
        (_nothing, "data_config.train_labels_path=[gone.pkg.slp]", 4, "gone.pkg.slp"),
        (_nothing, "data_config.val_labels_path=gone.pkg.slp", 4, "data_config.val_labels_path"),
        (_truncated, "trainer_config.seed=1", 5, "truncated"),
        (_no_images, "trainer_config.seed=1", 6, "no embedded frames"),
        (_no_labels, "trainer_config.seed=1", 7, "no labelled instance"),
        (_nothing, "trainer_config.optimizer.lr=1e30", 8, "lower trainer_config.optimizer.lr"),
        (_nothing, "trainer_config.resume_ckpt_path=gone.ckpt", 9, "No such file"),
        (_not_a_checkpoint, "trainer_config.resume_ckpt_path=x.ckpt", 9, "not a checkpoint"),
        (_file_in_the_way, "trainer_config.seed=1", 10, "models"),
    ],
)
def test_each_fault_has_its_sentence_and_exit_code(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    override: str,
    code: int,
    words: str,
) -> None:
    spoil(here)
    arguments = ["train", "--config-name", CONFIG, "--config-dir", ".", "trainer_config.max_epochs=2"]
    assert main([*arguments, override]) == code
    assert_one_clear_line(capsys.readouterr().err, words)


def test_a_missing_config_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--config-name", "gone"]) == 3
    assert_one_clear_line(capsys.readouterr().err, "gone.yaml", "No such file")


def test_exit_codes_are_distinct() -> None:
    codes = [error.exit_code for error in TrainerError.__subclasses__()]
    assert len(set(codes)) == len(codes) == 13
    assert not set(codes) & {0, 1, 2, 130}


# Config and checkpoints


def test_overrides_reach_every_section_and_make_missing_ones(here: Path) -> None:
    loaded = config(
        "trainer_config.zmq.publish_port=9001", "++trainer_config.optimizer.lr=0.5", "data_config.x.y=1"
    )
    assert (loaded.publish_port, loaded.learning_rate) == (9001, 0.5)
    assert yaml.safe_load(loaded.effective_yaml)["data_config"]["x"] == {"y": 1}


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [", "\x00", "data_config: {}\n"])
def test_a_file_that_is_no_config_is_told(here: Path, text: str) -> None:
    (here / CONFIG).write_text(text)
    with pytest.raises(ConfigUnreadable):
        config()


def test_a_checkpoint_of_other_nodes_is_not_resumed(here: Path) -> None:
    run("model_config.head_configs={centroid: {}}", "trainer_config.max_epochs=1")
    with pytest.raises(CheckpointUnreadable, match="centroid"):
        run("trainer_config.resume_ckpt_path=models/single_instance/last.ckpt")


@given(st.binary(max_size=200))
def test_any_other_bytes_are_not_a_checkpoint(content: bytes) -> None:
    with pytest.raises(NotACheckpoint):
        decode(content)


def test_a_cut_checkpoint_is_told(here: Path) -> None:
    run("trainer_config.max_epochs=1")
    path = here / "models/single_instance/best.ckpt"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointUnreadable, match="damaged"):
        predict(path, np.zeros((64, 64), np.uint8))
