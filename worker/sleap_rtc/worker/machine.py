"""Adapter: what this machine trains with: Python, the system, and the GPU with its driver."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections import Counter
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_TIMEOUT_S = 2
_QUERY = ("--query-gpu=name,driver_version", "--format=csv,noheader")
_MEMORY_QUERY = ("--query-gpu=memory.total", "--format=csv,noheader,nounits")


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


def gpu() -> dict[str, str]:
    """Return the name of the GPU and its driver, nothing where there is none or it does not answer at once.

    https://docs.nvidia.com/deploy/nvidia-smi/ (`--query-gpu`)
    """
    return gpus_of(_asked(_QUERY))


def gpu_memory_mb() -> int:
    """Return how much memory the first GPU has, in MiB; 0 where there is none or it does not answer."""
    first = _asked(_MEMORY_QUERY).strip().partition("\n")[0].strip()
    return int(first) if first.isdecimal() else 0


def _asked(query: Sequence[str]) -> str:
    command = shutil.which("nvidia-smi")
    if command is None:
        return ""
    try:
        return subprocess.run(
            [command, *query],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_S,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def gpus_of(said: str) -> dict[str, str]:
    """Read a line `name, driver` for each GPU."""
    rows = [tuple(map(str.strip, line.rpartition(",")[::2])) for line in said.splitlines() if "," in line]
    if not rows:
        return {}
    names = Counter(name for name, _ in rows)
    told = ", ".join(f"{count} x {name}" if count > 1 else name for name, count in names.items())
    return {"gpu": told, "gpu_driver": rows[0][1]}
