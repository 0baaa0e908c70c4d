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

    @property
    def is_pod(self) -> bool:
        """Whether it may have to leave in the middle of a job, with everything that it has."""
        return self is not WorkerKind.DESKTOP

    @property
    def advertises(self) -> bool:
        """Whether it says that others may fetch its models from it directly.

        Every worker publishes a model as soon as it is trained. A desktop stays and can be reached, so it
        serves what it has, too; a pod is gone with its job, and behind a network that lets nobody in.
        """
        return not self.is_pod


def worker_kind(environment: Mapping[str, str], asked: str = "auto") -> WorkerKind:
    """Tell the kind: the setting `worker_kind`, or else the environment.

    Run:ai says there how many GPUs there are, Kubernetes where it is.

    https://docs.run.ai/v2.16/Researcher/best-practices/env-variables (`RUNAI_NUM_OF_GPUS`)
    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    """
    if asked != "auto":
        return WorkerKind(asked)
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
