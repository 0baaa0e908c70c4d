"""Adapter: whether what this machine reads from S3 leaves the region, and so is paid for by the byte.

The setting `in_region` decides. Without it a machine is in the region if it is Amazon's (the firmware tells,
in containers, too; Fargate tells by AWS_EXECUTION_ENV) and its region, by the instance metadata service or
else AWS_REGION, is the buckets'. A variable alone proves nothing: people set it on machines of their own. Any
other store, such as one on loopback, counts as one across the internet.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sleap_rtc.settings import Settings
    from sleap_rtc.storage.traffic import Way

_VENDOR = Path("/sys/devices/virtual/dmi/id/sys_vendor")
_HYPERVISOR = Path("/sys/hypervisor/uuid")
"""Of instances on Xen (Amazon EC2 User Guide, "Detect whether a host is an EC2 instance")."""


def s3_way(
    settings: Settings,
    environment: Mapping[str, str],
    is_amazons: Callable[[], bool] | None = None,
    ask_region: Callable[[], str] | None = None,
) -> Way:
    """Return how bytes of the buckets come to this machine.

    Args:
        settings: where the buckets are.
        environment: of the process.
        is_amazons: tells whether the machine is Amazon's.
        ask_region: returns what the instance metadata service says, empty where it does not answer.
    """
    if settings.in_region is not None:
        return "in_region" if settings.in_region else "internet"
    if settings.s3_endpoint_url:
        return "internet"
    fargate = environment.get("AWS_EXECUTION_ENV", "").startswith("AWS_ECS_FARGATE")
    if not (fargate or (is_amazons or _is_amazons)()):
        return "internet"
    region = (ask_region or _region)() or environment.get("AWS_REGION", "")
    return "in_region" if region == settings.s3_region else "internet"


def _is_amazons() -> bool:
    return _text(_VENDOR).startswith("Amazon EC2") or _text(_HYPERVISOR).startswith("ec2")


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _region() -> str:
    from botocore.utils import InstanceMetadataRegionFetcher  # takes long to load

    return InstanceMetadataRegionFetcher(timeout=1, num_attempts=1).retrieve_region() or ""
