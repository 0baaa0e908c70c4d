"""Adapter: tells how busy this machine is, at an interval, for as long as somebody may want to know.

The host is asked through psutil, GPUs through NVML (https://docs.nvidia.com/deploy/nvml-api/): those that an
engine of this worker sees. Where there is no GPU, or a value cannot be had of it, that is left out; what goes
wrong ends nothing.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any, Self

from sleap_rtc.events.job_progress import GpuMeasured, MachineMeasured
from sleap_rtc.events.worker_facts import MachineLoaded
from sleap_rtc.storage.telling import tell
from sleap_rtc.worker.gpus import VISIBLE, Gpu, seen

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

MEASURE_EVERY_S = 2.0
_MOST_GPUS = 16
_MILLIWATTS = 1000.0


class MachineWatch:
    """Measures while it is entered.

    Args:
        tell: told each measurement, in a thread of the watch's own.
        every_s: seconds between two.
    """

    def __init__(self, tell: Callable[[MachineMeasured], None], every_s: float = MEASURE_EVERY_S) -> None:
        self._tell = tell
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="machine", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Measure no longer."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        nvml = nvml_of_machine()
        host_load()  # psutil measures since the call before
        while not self._over.wait(self._every_s):
            try:
                now = measured(nvml)
                self._tell(now)
                tell(MachineLoaded(now))
            except Exception:
                log.exception("the machine could not be measured")
                return


def measured(nvml: Any) -> MachineMeasured:
    """Measure once.

    Args:
        nvml: the module `pynvml`, initialised; None where there is no GPU.
    """
    import psutil

    memory = psutil.virtual_memory()
    return MachineMeasured(
        cpu_percent=host_load(),
        memory_used_bytes=memory.total - memory.available,
        memory_total_bytes=memory.total,
        gpus=() if nvml is None else gpus_by(nvml, os.environ.get(VISIBLE)),
    )


def host_load() -> float:
    """Return how busy the processors were since the last call, all together, in percent."""
    import psutil

    return float(psutil.cpu_percent())


def nvml_of_machine() -> Any:
    """Return the module `pynvml`, ready for use; None where there is no driver to ask."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception as error:  # it is missing, or the driver's library is
        log.debug("no GPU is measured: %s", error)
        return None
    return pynvml


def gpus_by(nvml: Any, visible: str | None = None) -> tuple[GpuMeasured, ...]:
    """Ask NVML about every GPU that an engine sees.

    Args:
        nvml: the module `pynvml`, initialised.
        visible: what CUDA_VISIBLE_DEVICES says; None where it is not set.
    """
    handles = {}
    for index in range(_asked(nvml.nvmlDeviceGetCount) or 0):
        handle = _asked(nvml.nvmlDeviceGetHandleByIndex, index)
        if handle is not None:  # one that fell off the bus hides no other
            handles[index] = handle
    there = [Gpu(index, _text(_asked(nvml.nvmlDeviceGetUUID, handle))) for index, handle in handles.items()]
    return tuple(_gpu(nvml, handles[gpu.index]) for gpu in seen(there, visible)[:_MOST_GPUS])


def _gpu(nvml: Any, handle: Any) -> GpuMeasured:
    memory = _asked(nvml.nvmlDeviceGetMemoryInfo, handle)
    load = _asked(nvml.nvmlDeviceGetUtilizationRates, handle)
    power = _asked(nvml.nvmlDeviceGetPowerUsage, handle)
    return GpuMeasured(
        name=_text(_asked(nvml.nvmlDeviceGetName, handle)) or "GPU",
        utilisation_percent=load.gpu if load else None,
        memory_used_bytes=memory.used if memory else None,
        memory_total_bytes=memory.total if memory else None,
        temperature_c=_asked(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
        power_w=power / _MILLIWATTS if power is not None else None,
    )


def _text(said: Any) -> str:
    return said.decode() if isinstance(said, bytes) else str(said or "")


def _asked(question: Callable[..., Any], *about: Any) -> Any:
    """Return the answer; None where this GPU has none (a virtual one tells no power, for example)."""
    try:
        return question(*about)
    except Exception:
        return None
