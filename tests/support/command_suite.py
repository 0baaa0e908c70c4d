"""What every engine must do that says that it takes commands: the reference trainer, and sleap-nn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from sleap_rtc.events.job_commands import Pause, Resume, Sample, SetLearningRate, Stop
from sleap_rtc.storage.model_folder import read_model_folder
from sleap_rtc.worker.training_commands import CommandRefused, TrainingOver
from sleap_rtc.worker.training_events import (
    BatchEnded,
    EpochEnded,
    Paused,
    Resumed,
    TrainingBegun,
    TrainingEnded,
)
from support.watched_training import WatchedTraining

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sleap_rtc.worker.package import TrainingPackage
    from sleap_rtc.worker.trainer import Trainer

ALL = frozenset({"pause", "resume", "stop", "set_learning_rate", "sample"})


class CommandSuite:
    """Subclasses have the fixtures `trainer`, `make_package` and `overrides`, for many epochs."""

    def test_a_training_is_paused_resumed_given_another_rate_shown_and_stopped(
        self,
        trainer: Trainer,
        make_package: Callable[[], TrainingPackage],
        overrides: Mapping[str, str],
    ) -> None:
        with WatchedTraining(trainer, make_package(), overrides) as training:
            begun = training.since(0, TrainingBegun)
            assert (begun.abilities, begun.epochs) == (ALL, int(overrides["trainer_config.max_epochs"]))
            training.since(0, BatchEnded)

            paused = training.tell(Pause(), "p")
            assert paused.text.startswith("paused after batch ")
            assert training.tell(Pause(), "p") == paused
            assert training.tell(Pause()).text.startswith("paused already, after batch ")
            at_pause = len(training.events)
            changed = training.tell(SetLearningRate(value=0.00005))
            assert " -> 0.00005 from batch " in changed.text
            shown = training.tell(Sample())
            with Image.open(shown.files[0]) as picture:
                assert picture.format == "PNG"
                assert min(picture.size) > 100
            assert not any(isinstance(event, BatchEnded | Resumed) for event in training.events[at_pause:])

            assert training.tell(Resume()).text.startswith("resumed after batch ")
            after = training.since(at_pause, BatchEnded)
            assert (after.epoch, after.batch) == (changed.values["epoch"], changed.values["batch"])
            assert after.logs["train/lr"] == 0.00005
            assert training.next(EpochEnded).logs["train/lr"] == pytest.approx(0.00005)
            with pytest.raises(CommandRefused, match="Frame 99999 is not among the labelled frames"):
                training.tell(Sample(frame=99999))

            stopped = training.tell(Stop())
            assert stopped.text.startswith("stopping: checkpoint saved after batch ")
            assert stopped.text.endswith(", the model is published as partial")
            result = training.result()
            with pytest.raises(TrainingOver):
                training.tell(Resume())
        told = [type(event) for event in training.events]
        assert (told.count(Paused), told.count(Resumed)) == (1, 1)
        assert training.events[-1] == TrainingEnded(stopped=True)
        assert result.stopped
        found = read_model_folder(result.folder)
        assert "best.ckpt" in {file.name for file in found.files}
        assert "samples/" in found.left_out

    def test_a_stop_while_it_is_paused_saves_what_it_learnt(
        self,
        trainer: Trainer,
        make_package: Callable[[], TrainingPackage],
        overrides: Mapping[str, str],
    ) -> None:
        with WatchedTraining(trainer, make_package(), overrides) as training:
            training.since(0, BatchEnded)
            training.tell(Pause())
            training.tell(Stop())
            result = training.result()
        assert result.stopped
        assert "best.ckpt" in {file.name for file in read_model_folder(result.folder).files}

    def test_the_end_of_the_job_ends_a_paused_training_at_once(
        self,
        trainer: Trainer,
        make_package: Callable[[], TrainingPackage],
        overrides: Mapping[str, str],
    ) -> None:
        with WatchedTraining(trainer, make_package(), overrides) as training:
            training.since(0, BatchEnded)
            training.tell(Pause())
            training.stop.set()
            assert not training.result().stopped
        assert training.events[-1] == TrainingEnded()
