"""What kind of machine a worker is on, and where that keeps its datasets."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import get_args

import pytest

from sleap_rtc.settings import Settings
from sleap_rtc.settings.model import WorkerKindSetting
from sleap_rtc.worker.dataset_cache import dataset_cache
from sleap_rtc.worker.kind import WorkerKind, cache_folder, worker_kind

POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({}, WorkerKind.DESKTOP),
        ({"HOME": "/home/mia", "MY_RUNAI_NOTES": "1"}, WorkerKind.DESKTOP),
        (POD, WorkerKind.KUBERNETES),
        ({"RUNAI_NUM_OF_GPUS": "1"}, WorkerKind.RUNAI),
        ({**POD, "RUNAI_NUM_OF_GPUS": "0.5"}, WorkerKind.RUNAI),
    ],
    ids=["nothing", "other variables", "pod", "runai", "runai in its pod"],
)
def test_the_environment_tells_the_kind(environment: dict[str, str], kind: WorkerKind) -> None:
    assert worker_kind(environment) is kind


@pytest.mark.parametrize("kind", list(WorkerKind))
def test_the_setting_says_the_kind_whatever_the_environment(kind: WorkerKind) -> None:
    for environment in ({}, POD, {"RUNAI_NUM_OF_GPUS": "1"}):
        assert worker_kind(environment, kind.value) is kind


def test_the_setting_knows_every_kind_and_no_other() -> None:
    assert set(get_args(WorkerKindSetting)) == {"auto", *WorkerKind}


def test_only_a_desktop_offers_its_models_to_others() -> None:
    assert [kind for kind in WorkerKind if kind.advertises] == [WorkerKind.DESKTOP]


@pytest.mark.parametrize(
    ("kind", "folder"),
    [
        (WorkerKind.DESKTOP, "/home/mia/.sleap-rtc/cache"),
        (WorkerKind.RUNAI, "/tmp/sleap-cache"),
        (WorkerKind.KUBERNETES, "/tmp/sleap-cache"),
    ],
)
def test_a_desktop_keeps_datasets_at_home_and_a_pod_in_its_temporary_folder(
    kind: WorkerKind, folder: str
) -> None:
    assert cache_folder(kind, Path("/home/mia/.sleap-rtc"), Path("/tmp")) == Path(folder)


def test_a_pod_finds_its_folder_without_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert dataset_cache(Settings()).path == Path(tempfile.gettempdir()) / "sleap-cache"


def test_the_setting_wins_over_the_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert dataset_cache(Settings(cache_dir=Path("/big/disk"))).path == Path("/big/disk")


def test_the_kind_that_is_set_has_its_folder_too() -> None:
    assert dataset_cache(Settings(worker_kind="runai")).path == Path(tempfile.gettempdir()) / "sleap-cache"
