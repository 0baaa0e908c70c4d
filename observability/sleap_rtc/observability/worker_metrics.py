"""Adapter: turns what is told of a worker, its trainings and its machine into measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.worker_facts import (
    CheckpointKept,
    CommandCame,
    EpochTrained,
    MachineLoaded,
    WorkerBusy,
)
from sleap_rtc.observability import instruments as of

if TYPE_CHECKING:
    from sleap_rtc.events.job_progress import MachineMeasured
    from sleap_rtc.observability.instrument import Meter
    from sleap_rtc.storage.telling import Fact

_PERCENT = 100.0


class WorkerMetrics:
    """Hears of what happens in `sleap_rtc.worker`."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __call__(self, fact: Fact) -> None:
        """Count one fact, if it is of these."""
        meter = self._meter
        match fact:
            case WorkerBusy(busy=busy):
                meter.set(of.WORKER_BUSY, float(busy))
            case EpochTrained(seconds=seconds):
                meter.add(of.EPOCHS)
                if seconds is not None:
                    meter.record(of.EPOCH_DURATION, seconds)
            case CheckpointKept(what=what):
                meter.add(of.CHECKPOINTS, what=what)
            case CommandCame(command=command, way=way):
                meter.add(of.LIVE_COMMANDS, command=command, way=way)
            case MachineLoaded(measured=measured):
                self._loaded(measured)

    def _loaded(self, measured: MachineMeasured) -> None:
        meter = self._meter
        meter.set(of.CPU_LOAD, measured.cpu_percent / _PERCENT)
        meter.set(of.HOST_MEMORY, measured.memory_used_bytes)
        for number, gpu in enumerate(measured.gpus):
            name = str(number)
            if gpu.utilisation_percent is not None:
                meter.set(of.GPU_LOAD, gpu.utilisation_percent / _PERCENT, gpu=name)
            if gpu.memory_used_bytes is not None:
                meter.set(of.GPU_MEMORY, gpu.memory_used_bytes, gpu=name)
            if gpu.temperature_c is not None:
                meter.set(of.GPU_TEMPERATURE, gpu.temperature_c, gpu=name)
