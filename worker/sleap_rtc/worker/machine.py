"""Adapter: what this machine trains with: Python, the system, and the GPUs with their driver."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from sleap_rtc.worker.gpus import COLUMNS, VISIBLE, Gpu, chosen, names_of, read_gpus, seen

if TYPE_CHECKING:
    from collections.abc import Iterable

_TIMEOUT_S = 2
_QUERY = (f"--query-gpu={','.join(COLUMNS)}", "--format=csv,noheader,nounits")


@cache
def machine_software() -> dict[str, str]:
    """Return versions by name; looked up once in the life of a process."""
    return {
        **installed(["sleap-rtc"]),
        "python": platform.python_version(),
        "platform": platform.platform(),
        **gpu(),
    }


def installed(distributions: Iterable[str]) -> dict[str, str]:
    """Return the versions of those among these distributions that this Python has."""
    found = {}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def gpus_of_machine() -> list[Gpu]:
    """Return every GPU; none where there is none or nvidia-smi does not answer at once.

    https://docs.nvidia.com/deploy/nvidia-smi/ (`--query-gpu`)
    """
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    try:
        said = subprocess.run(
            [command, *_QUERY],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_S,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return read_gpus(said)


def gpus_seen() -> list[Gpu]:
    """Return the GPUs that an engine of this process sees."""
    return seen(gpus_of_machine(), os.environ.get(VISIBLE))


def have_gpu_alone(asked: str) -> None:
    """Let every engine that this process starts from now on see one GPU, given its number or UUID.

    Raises:
        InputError: it is not there, or CUDA_VISIBLE_DEVICES keeps it from this process.
    """
    os.environ[VISIBLE] = chosen(gpus_of_machine(), asked, os.environ.get(VISIBLE)).uuid


def gpu() -> dict[str, str]:
    """Return what the GPUs are called that an engine sees, and their driver; nothing without any."""
    there = gpus_seen()
    return {"gpu": names_of(there), "gpu_driver": there[0].driver} if there else {}


def gpu_memory_mb() -> int:
    """Return how much memory the first GPU has that an engine sees, in MiB; 0 without any."""
    return next((each.memory_mb for each in gpus_seen()), 0)
