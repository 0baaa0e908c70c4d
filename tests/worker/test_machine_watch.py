"""How busy the machine is, as watchers of a job are told it."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sleap_rtc.worker.machine_watch import MachineWatch, gpus_by, measured

if TYPE_CHECKING:
    from sleap_rtc.events.job_progress import MachineMeasured

LONG_S = 30


class Driver:
    """NVML on a machine with three GPUs: one tells no power and no temperature, one fell off the bus."""

    NVML_TEMPERATURE_GPU = 0

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - NVML's own name
        return 3

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        if index == 1:
            raise OSError("GPU is lost")
        return index

    def nvmlDeviceGetName(self, handle: int) -> Any:  # noqa: N802
        return b"NVIDIA A100" if handle else "GRID T4"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:  # noqa: N802
        return SimpleNamespace(used=3, total=4)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:  # noqa: N802
        return SimpleNamespace(gpu=97)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802
        if not handle:
            raise OSError("Not Supported")
        return 250_500

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:  # noqa: N802
        if not handle:
            raise OSError("Not Supported")
        return 65


def test_the_host_is_measured_where_there_is_no_gpu() -> None:
    found = measured(None)
    assert 0 < found.memory_used_bytes < found.memory_total_bytes
    assert 0 <= found.cpu_percent <= 100
    assert found.gpus == ()


def test_what_a_gpu_does_not_tell_is_left_out_and_one_that_is_lost_hides_no_other() -> None:
    virtual, real = gpus_by(Driver())
    assert (virtual.name, virtual.power_w, virtual.temperature_c) == ("GRID T4", None, None)
    assert (real.name, real.power_w, real.temperature_c) == ("NVIDIA A100", 250.5, 65)
    assert (real.utilisation_percent, real.memory_used_bytes, real.memory_total_bytes) == (97, 3, 4)


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
