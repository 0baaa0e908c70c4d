"""The parts of an inference at a worker: its engine, what is laid out and obeyed, and why it failed."""

from __future__ import annotations

import os
import sys
import threading
import zipfile
from typing import TYPE_CHECKING

import psutil
import pytest
from support.product import eventually

from sleap_rtc.events.inference import TrackOptions
from sleap_rtc.events.job_commands import Pause, Resume, SetLearningRate, Stop
from sleap_rtc.worker import errors
from sleap_rtc.worker.engine import exit_status
from sleap_rtc.worker.engine_run import run_engine
from sleap_rtc.worker.errors import JobFailed, ModelUnsuitable, PackageRefused, TrainerMissing
from sleap_rtc.worker.inference_attempt import engine_for
from sleap_rtc.worker.track_layout import lay_out_dataset, lay_out_package, plain_name
from sleap_rtc.worker.tracker import Tracker
from sleap_rtc.worker.tracking_failure import tracking_failure
from sleap_rtc.worker.tracking_stage import TrackingStage

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import Popen

    from sleap_rtc.worker.trainer import TrainerName


def model(folder: Path, name: str, config: str) -> Path:
    (folder / name).mkdir()
    (folder / name / "best.ckpt").write_bytes(b"weights")
    (folder / name / "training_config.yaml").write_text(config)
    return folder / name


def test_the_engine_is_the_one_that_trained_the_models(tmp_path: Path) -> None:
    ours = model(tmp_path, "ours", "trainer_name: reference trainer\n")
    theirs = model(tmp_path, "theirs", "sleap_nn_version: 0.3.5\n")
    assert engine_for([ours], None) == "reference"
    assert engine_for([theirs], None) == engine_for([], None) == "sleap-nn"
    assert engine_for([ours, theirs], None) == "sleap-nn"
    assert engine_for([theirs], "reference") == "reference"
    with pytest.raises(ModelUnsuitable, match="ours is of the reference trainer, and sleap-nn"):
        engine_for([ours], "sleap-nn")


@pytest.mark.parametrize(
    ("engine", "status", "kind"),
    [
        ("reference", exit_status.NO_FRAMES, errors.NoFrames),
        ("reference", exit_status.NO_IMAGES, errors.NoFrames),
        ("reference", exit_status.PACKAGE_UNREADABLE, errors.DatasetUnusable),
        ("reference", exit_status.SKELETON_DIFFERS, errors.SkeletonMismatch),
        ("reference", exit_status.MODEL_UNSUITABLE, errors.ModelUnsuitable),
        ("reference", exit_status.CHECKPOINT_UNREADABLE, errors.ModelUnsuitable),
        ("reference", exit_status.OPTION_REFUSED, errors.OptionsRefused),
        ("sleap-nn", 2, errors.OptionsRefused),
        ("sleap-nn", exit_status.NO_FRAMES, errors.TrackingFailed),
        ("sleap-nn", 1, errors.TrackingFailed),
        ("sleap-nn", 137, errors.TrainingOutOfMemory),
        ("sleap-nn", 127, errors.TrainerMissing),
    ],
)
def test_why_an_inference_failed(engine: TrainerName, status: int, kind: type[JobFailed]) -> None:
    found = tracking_failure(engine, "reference trainer", status, ["one", "reference trainer: the reason."])
    assert type(found) is kind
    assert "the reason." in str(found) or kind is errors.TrainingOutOfMemory


def test_a_dataset_is_laid_out_beside_its_models_under_a_name_that_a_file_of_the_room_can_have(
    tmp_path: Path,
) -> None:
    (tmp_path / "blob").write_bytes(b"labels")
    folder = tmp_path / "inference"
    folder.mkdir()
    options = TrackOptions(frames="suggested", batch_size=2)
    layout = lay_out_dataset(
        tmp_path / "blob", "Meine Mäuse.pkg.slp", folder, ["centroid_0a", "b_1"], options
    )
    (command,) = layout.commands
    assert command.arguments == (
        *("--data_path", "Meine_M_use.pkg.slp", "--model_paths", "models/centroid_0a"),
        *("--model_paths", "models/b_1", "-o", "Meine_M_use.predictions.slp"),
        *("--only_suggested_frames", "--batch_size", "2"),
    )
    assert (folder / "Meine_M_use.pkg.slp").read_bytes() == b"labels"
    assert [path.name for path in layout.models] == ["centroid_0a", "b_1"]


@pytest.mark.parametrize("name", ["x.pkg.slp", "../../x.slp", ".slp", "ü.slp", "-o.slp", "a" * 300 + ".slp"])
def test_a_plain_name_leads_nowhere_and_keeps_its_ending(name: str) -> None:
    plain = plain_name(name)
    assert plain.endswith(".slp")
    assert plain[0].isalnum()
    assert len(plain) <= 104
    assert not set(plain) & {"/", "\\", " "}


def test_a_packages_script_comes_before_the_options(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as packed:
        packed.writestr(
            "top/track-script.sh", "sleap-nn track -i d.slp -m models/a --model_paths=models/b -o o.slp"
        )
        packed.writestr("top/d.slp", "labels")
    folder = tmp_path / "inference"
    folder.mkdir()
    layout = lay_out_package(tmp_path / "p.zip", folder, TrackOptions(peak_threshold=0.5))
    (command,) = layout.commands
    assert layout.folder == folder / "top"
    assert command.arguments[-4:] == ("-o", "o.slp", "--peak_threshold", "0.5")
    assert [path.name for path in layout.models] == ["a", "b"]


def test_a_training_package_is_no_package_for_inference(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as packed:
        packed.writestr("train-script.sh", "sleap-nn train --config-name x")
    with pytest.raises(PackageRefused, match=r"has no track-script\.sh"):
        lay_out_package(tmp_path / "p.zip", tmp_path, TrackOptions())


class Ticking:
    """An engine that says a line again and again, in a thread, and the stage that it is at."""

    def __init__(self, folder: Path) -> None:
        self.stage = TrackingStage()
        self.lines: list[str] = []
        self.stop = threading.Event()
        self.pids: list[int] = []
        script = "import time\nwhile True:\n    print('tick', flush=True)\n    time.sleep(0.01)"
        command = [sys.executable, "-c", script]
        self._thread = threading.Thread(
            target=run_engine, args=(command, folder, self.lines.append, self.stop, self._started)
        )
        self._thread.start()

    def _started(self, process: Popen[str]) -> None:
        self.pids.append(process.pid)
        self.stage.started(process)

    def is_held(self) -> bool:
        children = [child for pid in self.pids for child in psutil.Process(pid).children(recursive=True)]
        return bool(children) and all(child.status() == psutil.STATUS_STOPPED for child in children)

    def goes_on(self) -> bool:
        before = len(self.lines)
        eventually(lambda: len(self.lines) > before + 5)
        return True

    def end(self) -> None:
        self.stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.mark.skipif(os.name == "nt", reason="no process can be held there")
def test_an_inference_is_paused_and_goes_on_and_ends_at_once_while_it_is_held(tmp_path: Path) -> None:
    engine = Ticking(tmp_path)
    try:
        assert engine.goes_on()
        assert engine.stage.obey(Pause(), "1", "ada").text == "the inference is paused; it keeps its memory"
        eventually(engine.is_held)
        assert engine.stage.obey(Resume(), "2", "ada").outcome == "done"
        assert engine.goes_on()
        engine.stage.obey(Pause(), "3", "ada")
        eventually(engine.is_held)
    finally:
        engine.end()


@pytest.mark.parametrize("command", [Stop(), SetLearningRate(value=0.1)])
def test_what_an_inference_cannot_do_is_refused(command: Stop | SetLearningRate) -> None:
    answer = TrackingStage().obey(command, "1", "ada")
    assert (answer.outcome, "`sleap-rtc jobs cancel` ends it" in answer.text) == ("refused", True)


def test_an_engine_that_is_not_installed_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(TrainerMissing, match="sleap-nn is not installed on this worker"):
        Tracker("sleap-nn").track([], tmp_path, lambda _: None, threading.Event(), lambda _: None)
