"""A machine's GPUs, where there are none: what NVIDIA's driver says of them, and the program that asks it."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

UUIDS = ("GPU-0aaa1111-2222", "GPU-1bbb1111-2222", "GPU-2ccc1111-2222")
USED_BYTES, TOTAL_BYTES = 12 * 1024**3, 16 * 1024**3
NAMES = ("GRID T4", "NVIDIA A40", "NVIDIA A100-SXM4-80GB")


class Driver:
    """NVML on a machine with three GPUs: one tells no power and no temperature, one fell off the bus."""

    NVML_TEMPERATURE_GPU = 0

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - NVML's own name
        return 3

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        if index == 1:
            raise OSError("GPU is lost")
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return UUIDS[handle]

    def nvmlDeviceGetName(self, handle: int) -> Any:  # noqa: N802
        return NAMES[handle].encode() if handle else NAMES[handle]

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:  # noqa: N802
        return SimpleNamespace(used=USED_BYTES, total=TOTAL_BYTES)

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


def install_nvidia_smi(folder: Path, gpus: int = len(UUIDS)) -> str:
    """Put an nvidia-smi that tells of the first GPUs into a folder; return a PATH that begins with it."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{index}, {UUIDS[index]}, 535.104.05, 46068, {NAMES[index]}" for index in range(gpus)]
    program = folder / "nvidia-smi"
    program.write_text(f"#!{sys.executable}\nprint({chr(10).join(lines)!r})\n")
    program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
