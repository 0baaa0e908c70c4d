"""Datasets in the folder that is shared: read where they lie, and nothing beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sleap_rtc.events.jobs import DatasetRef
from sleap_rtc.events.shared_dataset import checked_shared_path
from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.errors import TransferFailed
from sleap_rtc.storage.stop_signal import StopSignal
from sleap_rtc.storage.traffic import Called, Moved, Traffic
from sleap_rtc.storage.transfer_hold import TransferHold
from sleap_rtc.worker.errors import DatasetNotHere, SharedDatasetChanged
from sleap_rtc.worker.shared_datasets import SharedDatasets

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

BODY = b"a dataset of mice"
PLACE = "mice/Tag 3.zip"
CACHE: Any = None


class Elsewhere:
    """Brings what does not lie in the folder."""

    def cached(self, dataset: DatasetRef, *_: object) -> AbstractContextManager[Path]:
        raise AssertionError(f"{dataset.path} is to be brought")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shared" / "mice").mkdir(parents=True)
    (tmp_path / "shared" / PLACE).write_bytes(BODY)
    return tmp_path / "shared"


def ref(place: str = PLACE, body: bytes = BODY, kind: Any = "local") -> DatasetRef:
    return DatasetRef(type=kind, path=place, size_bytes=len(body), checksum=to_text(crc64nvme(body)))


def test_a_dataset_is_yielded_where_it_lies(folder: Path) -> None:
    said: list[str] = []
    seen: list[int] = []
    with SharedDatasets(folder, Elsewhere()).cached(
        ref(), CACHE, said.append, on_progress=lambda progress: seen.append(progress.done_bytes)
    ) as path:
        assert path == folder / PLACE
    assert (folder / PLACE).read_bytes() == BODY
    assert (seen, said[-1]) == ([len(BODY)], f"verified {ref().checksum}")


def test_what_is_read_in_place_is_told_as_shared(folder: Path) -> None:
    heard: list[Called | Moved] = []
    with SharedDatasets(folder, Elsewhere(), Traffic(heard.append)).cached(ref(), CACHE, print):
        assert heard == [Moved("download", "shared", "dataset", len(BODY))]


@pytest.mark.parametrize("changed", [b"a dataset of rats", BODY + b"!", b""])
def test_another_file_in_its_place_is_refused(folder: Path, changed: bytes) -> None:
    (folder / PLACE).write_bytes(changed)
    with pytest.raises(SharedDatasetChanged), SharedDatasets(folder, Elsewhere()).cached(ref(), CACHE, print):
        pass


@pytest.mark.parametrize(
    "place",
    ["none.zip", "mice", "../secret", "mice/../../secret", "/etc/passwd", "", "C:\\x", "mice//x", "out"],
)
def test_what_is_not_there_or_lies_outside_is_not_read(folder: Path, place: str) -> None:
    (folder.parent / "secret").write_bytes(BODY)
    (folder / "out").symlink_to(folder.parent / "secret")
    with pytest.raises(DatasetNotHere), SharedDatasets(folder, Elsewhere()).cached(ref(place), CACHE, print):
        pass


def test_a_worker_without_such_a_folder_says_so() -> None:
    with (
        pytest.raises(DatasetNotHere, match="shared_dir"),
        SharedDatasets(None, Elsewhere()).cached(ref(), CACHE, print),
    ):
        pass


def test_other_datasets_are_brought_as_ever(folder: Path) -> None:
    with (
        pytest.raises(AssertionError, match="is to be brought"),
        SharedDatasets(folder, Elsewhere()).cached(ref(kind="s3"), CACHE, print),
    ):
        pass


def test_reading_ends_when_the_worker_is_to_stop(folder: Path) -> None:
    stop = StopSignal()
    stop.set()
    with (
        pytest.raises(TransferFailed),
        SharedDatasets(folder, Elsewhere()).cached(ref(), CACHE, print, TransferHold(stop)),
    ):
        pass


@pytest.mark.parametrize("place", ["a.zip", "mice/day 3.zip", "Mäuse/größer.zip", "..zip"])
def test_names_of_people_are_taken(place: str) -> None:
    assert checked_shared_path(place) == place
