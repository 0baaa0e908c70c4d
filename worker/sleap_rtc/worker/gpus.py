"""Pure: which of a machine's GPUs an engine sees, and which one a worker is to have for itself.

Numbers are those of nvidia-smi. CUDA counts otherwise unless it is told so: a GPU that was chosen is given
to engines by its UUID.
https://docs.nvidia.com/cuda/cuda-c-programming-guide/index.html#env-vars (`CUDA_VISIBLE_DEVICES`)
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

VISIBLE = "CUDA_VISIBLE_DEVICES"
COLUMNS = ("index", "uuid", "driver_version", "memory.total", "name")
"""What nvidia-smi is asked for; a name may have a comma."""
_SLICE = "MIG-"


@dataclass(frozen=True)
class Gpu:
    """One GPU: its number, its UUID (`GPU-…`), what it is called, its driver, and its memory in MiB."""

    index: int
    uuid: str
    name: str = "GPU"
    driver: str = ""
    memory_mb: int = 0


def read_gpus(said: str) -> list[Gpu]:
    """Read what nvidia-smi says of COLUMNS, a line for each GPU; what is no such line is left out."""
    found = []
    for line in said.splitlines():
        parts = [part.strip() for part in line.split(",", len(COLUMNS) - 1)]
        if len(parts) == len(COLUMNS) and parts[0].isdecimal():
            index, uuid, driver, memory, name = parts
            found.append(Gpu(int(index), uuid, name, driver, int(memory) if memory.isdecimal() else 0))
    return found


def seen(gpus: Sequence[Gpu], visible: str | None) -> list[Gpu]:
    """Return the GPUs that a process sees, in its order.

    Args:
        gpus: of the machine.
        visible: what CUDA_VISIBLE_DEVICES says there; None where it is not set. The first entry that is no
            GPU hides all behind it, as with CUDA. A slice of a GPU (MIG) does not say of which one it is, so
            none is left out then.
    """
    if visible is None or _SLICE in visible:
        return list(gpus)
    found: list[Gpu] = []
    for entry in visible.split(","):
        gpu = _named(gpus, entry.strip())
        if gpu is None:
            break
        if gpu not in found:
            found.append(gpu)
    return found


def chosen(gpus: Sequence[Gpu], asked: str, visible: str | None) -> Gpu:
    """Return the GPU that a worker was asked to have for itself.

    Args:
        gpus: of the machine.
        asked: its number or its UUID, which may be cut short as long as it is one GPU's.
        visible: what CUDA_VISIBLE_DEVICES leaves to choose from; None where it is not set.

    Raises:
        InputError: it is not there, or not for this worker.
    """
    there = seen(gpus, visible)
    found = _named(there, asked)
    if found is not None:
        return found
    if not gpus:
        raise InputError(
            message=f"There is no GPU {asked}: nvidia-smi tells of none on this machine; leave --gpu (the "
            "setting gpu) out to train on the CPU."
        )
    limits = "" if visible is None else f" within {VISIBLE}={visible}"
    others = ", ".join(f"{gpu.index} ({gpu.name}, {gpu.uuid})" for gpu in there) or "none"
    raise InputError(
        message=f"There is no GPU {asked} for this worker; choose one by number or UUID{limits}: {others}."
    )


def names_of(gpus: Sequence[Gpu]) -> str:
    """Say how many there are of each kind, such as `2 x NVIDIA A40, Tesla T4`; nothing of none."""
    names = Counter(gpu.name for gpu in gpus)
    return ", ".join(f"{count} x {name}" if count > 1 else name for name, count in names.items())


def in_words(gpus: Sequence[Gpu]) -> str:
    """Say likewise which one it is where there is one, such as `1: Tesla T4`."""
    return f"{gpus[0].index}: {gpus[0].name}" if len(gpus) == 1 else names_of(gpus)


def _named(gpus: Sequence[Gpu], name: str) -> Gpu | None:
    if name.isdecimal():
        return next((gpu for gpu in gpus if gpu.index == int(name)), None)
    found = [gpu for gpu in gpus if name.startswith("GPU-") and gpu.uuid.startswith(name)]
    return found[0] if len(found) == 1 else None
