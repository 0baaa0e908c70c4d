"""How busy the machine is, as watchers of a job are told it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from support.gpus import NAMES, TOTAL_BYTES, USED_BYTES, UUIDS, Driver

from sleap_rtc.worker.machine_watch import MachineWatch, gpus_by, measured

if TYPE_CHECKING:
    from sleap_rtc.events.job_progress import MachineMeasured

LONG_S = 30


def test_the_host_is_measured_where_there_is_no_gpu() -> None:
    found = measured(None)
    assert 0 < found.memory_used_bytes < found.memory_total_bytes
    assert 0 <= found.cpu_percent <= 100
    assert found.gpus == ()


def test_what_a_gpu_does_not_tell_is_left_out_and_one_that_is_lost_hides_no_other() -> None:
    virtual, real = gpus_by(Driver())
    assert (virtual.name, virtual.power_w, virtual.temperature_c) == (NAMES[0], None, None)
    assert (real.name, real.power_w, real.temperature_c) == (NAMES[2], 250.5, 65)
    assert (real.utilisation_percent, real.memory_used_bytes, real.memory_total_bytes) == (
        97,
        USED_BYTES,
        TOTAL_BYTES,
    )


@pytest.mark.parametrize(
    ("visible", "names"),
    [(UUIDS[2], [NAMES[2]]), ("2", [NAMES[2]]), ("2,0", [NAMES[2], NAMES[0]]), ("1", []), ("", [])],
)
def test_those_are_measured_that_an_engine_sees(
    visible: str, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.name for gpu in measured(Driver()).gpus] == names


def test_it_tells_again_and_again_until_it_is_left() -> None:
    told: list[MachineMeasured] = []
    twice = threading.Event()

    def tell(found: MachineMeasured) -> None:
        told.append(found)
        if len(told) == 2:
            twice.set()

    with MachineWatch(tell, every_s=0.01):
        assert twice.wait(LONG_S)


def test_a_listener_that_fails_ends_the_watch_and_nothing_else() -> None:
    failed = threading.Event()

    def fail(_: MachineMeasured) -> None:
        failed.set()
        raise ZeroDivisionError

    with MachineWatch(fail, every_s=0.01):
        assert failed.wait(LONG_S)
