"""Predictions through the service: what the holder of an inference may do, and what the room then has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.desktop import COLLEAGUE, OWNER, ServiceLab, hold_of

from sleap_rtc.client.job_results import BroughtResult, ResultInTheWay, bring_results
from sleap_rtc.events.inference import InferenceRequest, ResultFile
from sleap_rtc.events.job_reports import Advanced, Finished, GivenBack, Hold
from sleap_rtc.events.jobs import JobState, LeaseLost
from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.errors import InputError, NotFound
from sleap_rtc.storage.file_upload import send_file
from sleap_rtc.worker.service_inference import ServiceResults

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product

POSES = b"poses of mice " * 600_000
NAME = "mice.predictions.slp"
RESULT = ResultFile(name=NAME, size_bytes=len(POSES), checksum=to_text(crc64nvme(POSES)))
UPLOADING = Advanced(state=JobState.UPLOADING)


class Held:
    """An inference that a worker of the owner holds, and the predictions that it made."""

    def __init__(self, lab: ServiceLab, folder: Path) -> None:
        self.lab = lab
        self.path = folder / "made" / NAME
        self.path.parent.mkdir()
        self.path.write_bytes(POSES)
        queued = lab.queued(request=InferenceRequest())
        self.hold = hold_of(lab.desk().claim(lab.room_id, queued.job_id, "w1", "m1"))

    def store(self, subject: str = OWNER) -> ServiceResults:
        return ServiceResults(self.lab.http(subject))

    def send(self, hold: Hold | None = None) -> None:
        send_file(self.path, RESULT, self.store().open(hold or self.hold, RESULT))

    def published(self) -> None:
        self.lab.desk().report(self.hold, UPLOADING)
        self.send()
        self.lab.desk().report(self.hold, Finished(results=(RESULT,)))

    def brought(self, folder: Path, *, replace: bool = False, by: str = COLLEAGUE) -> list[BroughtResult]:
        client = self.lab.client(by)
        job_id = self.hold.job_id
        return bring_results(
            client,
            self.lab.room_id,
            job_id,
            lambda names: [folder / name for name in names],
            lambda _: replace,
        )


@pytest.fixture
def held(product: Product, tmp_path: Path) -> Held:
    return Held(ServiceLab(product), tmp_path)


def test_every_member_brings_the_predictions_as_often_as_he_likes(held: Held, tmp_path: Path) -> None:
    held.lab.let_in("a reader", "reader")
    held.published()
    for by in (COLLEAGUE, "a reader", COLLEAGUE):
        (found,) = held.brought(tmp_path, by=by)
        assert (found.path, found.checksum) == (tmp_path / NAME, RESULT.checksum)
        assert found.path.read_bytes() == POSES


def test_no_other_file_is_written_over_unless_that_is_agreed(held: Held, tmp_path: Path) -> None:
    held.published()
    (tmp_path / NAME).write_bytes(b"somebody's own")
    with pytest.raises(ResultInTheWay, match="Another file lies at"):
        held.brought(tmp_path)
    assert (tmp_path / NAME).read_bytes() == b"somebody's own"
    held.brought(tmp_path, replace=True)
    assert (tmp_path / NAME).read_bytes() == POSES


def test_half_results_are_shown_to_nobody(held: Held, tmp_path: Path) -> None:
    held.lab.desk().report(held.hold, UPLOADING)
    held.send()
    with pytest.raises(InputError, match="has no predictions to bring: it is uploading"):
        held.brought(tmp_path)
    assert not (tmp_path / NAME).exists()


def test_a_training_has_no_predictions(held: Held, tmp_path: Path) -> None:
    held.hold = held.lab.claimed()
    with pytest.raises(InputError, match="it trains"):
        held.brought(tmp_path)


def test_a_stranger_learns_nothing_of_predictions(held: Held, tmp_path: Path) -> None:
    held.published()
    with pytest.raises(NotFound):
        held.brought(tmp_path, by="a stranger")


def test_a_holder_that_was_lost_and_a_colleague_send_nothing(held: Held) -> None:
    held.lab.desk().report(held.hold, UPLOADING)
    with pytest.raises(LeaseLost):
        held.store(COLLEAGUE).open(held.hold, RESULT)
    held.lab.desk().report(held.hold, GivenBack(reason="the worker shut down", counts=False))
    held.lab.desk(COLLEAGUE).claim(held.lab.room_id, held.hold.job_id, "w2", "m2")
    with pytest.raises(LeaseLost):
        held.send()


def test_nothing_is_taken_before_the_job_has_come_to_it(held: Held) -> None:
    with pytest.raises(InputError, match="it is not uploading predictions"):
        held.send()
    training = held.lab.claimed()
    held.lab.desk().report(training, UPLOADING)
    with pytest.raises(InputError, match="it is not uploading predictions"):
        held.send(training)


@pytest.mark.parametrize(("name", "size_bytes"), [("../job.json", 1), ("a/b", 1), (NAME, 0)])
def test_what_is_no_result_is_refused(held: Held, name: str, size_bytes: int) -> None:
    held.lab.desk().report(held.hold, UPLOADING)
    file = RESULT.model_copy(update={"name": name, "size_bytes": size_bytes})
    with pytest.raises(InputError):
        held.store().open(held.hold, file)
