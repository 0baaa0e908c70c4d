"""Which GPUs an engine sees, and which one a worker has for itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from support.gpus import NAMES, UUIDS, install_nvidia_smi

from sleap_rtc.storage.errors import InputError
from sleap_rtc.worker.gpus import VISIBLE, Gpu, chosen, in_words, read_gpus, seen
from sleap_rtc.worker.machine import gpu, gpu_memory_mb, have_gpu_alone

if TYPE_CHECKING:
    from pathlib import Path

GPUS = [Gpu(index, uuid, name) for index, (uuid, name) in enumerate(zip(UUIDS, NAMES, strict=True))]


def test_what_nvidia_smi_says_is_read_and_what_it_complains_of_is_not() -> None:
    said = "0, GPU-a, 535.1, 46068, NVIDIA A40, special\n1, GPU-b, 535.1, [N/A], Tesla T4\nUnable to, ask\n"
    assert read_gpus(said) == [
        Gpu(0, "GPU-a", "NVIDIA A40, special", "535.1", 46068),
        Gpu(1, "GPU-b", "Tesla T4", "535.1", 0),
    ]


@pytest.mark.parametrize(
    ("visible", "indices"),
    [
        (None, [0, 1, 2]),
        ("2,0", [2, 0]),
        ("1, GPU-2ccc", [1, 2]),
        ("1,7,0", [1]),
        ("1,1", [1]),
        ("GPU-,0", []),
        ("-1", []),
        ("", []),
        ("MIG-1-2", [0, 1, 2]),
    ],
)
def test_an_engine_sees_what_cuda_would_let_it_see(visible: str | None, indices: list[int]) -> None:
    assert [gpu.index for gpu in seen(GPUS, visible)] == indices


@pytest.mark.parametrize(
    ("asked", "visible", "index"),
    [("1", None, 1), (UUIDS[1], None, 1), ("GPU-1b", None, 1), ("2", "2,1", 2)],
)
def test_one_is_chosen_by_its_number_or_its_uuid(asked: str, visible: str | None, index: int) -> None:
    assert chosen(GPUS, asked, visible).index == index


@pytest.mark.parametrize(
    ("gpus", "asked", "visible", "said"),
    [
        (GPUS[:1], "7", None, "no GPU 7 for this worker; choose one by number or UUID: 0 (GRID T4, GPU-0aaa"),
        (GPUS, "0", "2", "within CUDA_VISIBLE_DEVICES=2: 2 (NVIDIA A100"),
        (GPUS, "GPU-", None, "There is no GPU GPU- for this worker"),
        ([], "0", None, "no GPU 0: nvidia-smi tells of none on this machine"),
    ],
)
def test_one_that_is_not_there_is_refused_with_those_that_are(
    gpus: list[Gpu], asked: str, visible: str | None, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        chosen(gpus, asked, visible)
    assert said in str(caught.value)


def test_one_is_named_with_its_number_and_several_are_counted() -> None:
    assert in_words(GPUS[1:2]) == "1: NVIDIA A40"
    assert in_words([Gpu(0, "", "A40"), Gpu(1, "", "A40"), Gpu(2, "", "T4")]) == "2 x A40, T4"
    assert in_words([]) == ""


def test_a_worker_that_has_one_alone_speaks_of_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", install_nvidia_smi(tmp_path))
    monkeypatch.setenv(VISIBLE, "0,1")
    have_gpu_alone("1")
    assert os.environ[VISIBLE] == UUIDS[1]
    assert gpu() == {"gpu": NAMES[1], "gpu_driver": "535.104.05"}
    assert gpu_memory_mb() == 46068
    with pytest.raises(InputError):
        have_gpu_alone("0")
