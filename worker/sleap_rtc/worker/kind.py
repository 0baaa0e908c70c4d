"""Pure: what kind of machine a worker runs on, and where such a machine keeps its datasets."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class WorkerKind(StrEnum):
    """The kinds of worker."""

    DESKTOP = "desktop"
    RUNAI = "runai"
    KUBERNETES = "kubernetes"


def worker_kind(environment: Mapping[str, str]) -> WorkerKind:
    """Tell the kind from the environment: Run:ai says there how many GPUs there are, Kubernetes where it is.

    https://docs.run.ai/v2.16/Researcher/best-practices/env-variables (`RUNAI_NUM_OF_GPUS`)
    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    """
    if any(name.startswith("RUNAI_") for name in environment):
        return WorkerKind.RUNAI
    if "KUBERNETES_SERVICE_HOST" in environment:
        return WorkerKind.KUBERNETES
    return WorkerKind.DESKTOP


def cache_folder(kind: WorkerKind, data_dir: Path, temporary: Path) -> Path:
    """Return where datasets are kept: a desktop's home outlives a job, a pod's does not matter.

    Args:
        kind: the kind of worker.
        data_dir: the setting.
        temporary: the machine's folder for temporary files.
    """
    return data_dir / "cache" if kind is WorkerKind.DESKTOP else temporary / "sleap-cache"
