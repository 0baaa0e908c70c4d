"""Checkpoints through the service: what the holder of a job may do, and what nobody else may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.desktop import COLLEAGUE, OWNER, ServiceLab, hold_of

from sleap_rtc.events.job_reports import GivenBack, Hold
from sleap_rtc.events.jobs import LeaseLost
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.stop_signal import StopSignal
from sleap_rtc.worker.checkpoint_keeper import CheckpointKeeper, TrainingFacts
from sleap_rtc.worker.resumption import RESUME_FROM, brought
from sleap_rtc.worker.service_checkpoints import ServiceCheckpoints

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product

STATE = b"weights and optimizer " * 500_000


class Held:
    """A job that a worker of the owner holds, and a checkpoint of it."""

    def __init__(self, lab: ServiceLab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.hold = lab.claimed()
        (folder / "last.ckpt").write_bytes(STATE)
        with CheckpointKeeper(self.store(), self.facts(), folder, folder / "copies", 0) as keeper:
            keeper.epoch_ended(4, {"loss": 0.5})
            keeper.finish(60)

    def store(self, subject: str = OWNER) -> ServiceCheckpoints:
        return ServiceCheckpoints(self.lab.http(subject))

    def facts(self, hold: Hold | None = None) -> TrainingFacts:
        return TrainingFacts(hold or self.hold, 0, "centroid", "crc64nvme:AAAAAAAAAAA=", "sleap-nn")

    def taken_by_the_next(self) -> Hold:
        """Give the job back; a worker of a colleague takes it."""
        self.lab.desk().report(self.hold, GivenBack(reason="the worker shut down", counts=False))
        desk = self.lab.desk(COLLEAGUE)
        return hold_of(desk.claim(self.hold.room_id, self.hold.job_id, "w2", "m2"))


@pytest.fixture
def held(product: Product, tmp_path: Path) -> Held:
    return Held(ServiceLab(product), tmp_path)


def test_the_next_holder_goes_on_from_it(held: Held, tmp_path: Path) -> None:
    said: list[str] = []
    hold = held.taken_by_the_next()
    found = brought(held.store(COLLEAGUE), held.facts(hold), tmp_path, said.append, StopSignal())
    assert found is not None, said
    assert (tmp_path / found.options[RESUME_FROM]).read_bytes() == STATE
    assert [row["epoch"] for row in found.rows] == [4]


def test_a_holder_that_was_lost_neither_reads_nor_writes_one(held: Held) -> None:
    kept = held.store().find(held.hold)
    assert kept is not None
    held.taken_by_the_next()
    with pytest.raises(LeaseLost):
        held.store().find(held.hold)
    with pytest.raises(LeaseLost):
        held.store().open(kept.folder, kept.files[0])
    with pytest.raises(LeaseLost):
        held.store().keep(kept)


def test_a_colleague_does_not_get_at_the_checkpoint_of_a_job_that_he_does_not_hold(held: Held) -> None:
    with pytest.raises(LeaseLost):
        held.store(COLLEAGUE).find(held.hold)


def test_a_record_is_refused_whose_files_are_not_there(held: Held) -> None:
    kept = held.store().find(held.hold)
    assert kept is not None
    with pytest.raises(InputError, match=r"last\.ckpt is not there"):
        held.store().keep(kept.model_copy(update={"slot": "b"}))


def test_a_record_of_another_job_is_refused(held: Held) -> None:
    kept = held.store().find(held.hold)
    assert kept is not None
    other = held.lab.claimed()
    status, _ = held.lab.answer(
        "PUT",
        f"/jobs/{other.job_id}/checkpoint",
        {"fencing": other.fencing, "checkpoint": kept.model_dump(mode="json")},
    )
    assert status == 400


def test_a_file_name_that_leads_elsewhere_is_refused(held: Held) -> None:
    folder = keys.CheckpointFolder(held.hold.room_id, held.hold.job_id, held.hold.fencing, "a")
    kept = held.store().find(held.hold)
    assert kept is not None
    with pytest.raises(InputError):
        held.store().open(folder, kept.files[0].model_copy(update={"name": "../job.json"}))
