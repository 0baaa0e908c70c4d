"""Adapter: what a worker says of itself so that clients of the existing tool find it, in their words."""

from __future__ import annotations

from shutil import which

from sleap_rtc.live.signaling_messages import Metadata
from sleap_rtc.worker.live_server import metadata
from sleap_rtc.worker.machine import gpu, gpu_memory_mb, installed
from sleap_rtc.worker.slot import properties_of

TAGS = ("training-worker", "inference-worker")
_ENGINE = "sleap-nn"


def legacy_card() -> Metadata:
    """Return what is to be added to what the worker says anyway; asks the driver of the GPU once."""
    return Metadata(
        tags=TAGS,
        properties={
            **properties_of(None),
            "gpu_memory_mb": gpu_memory_mb(),
            "gpu_model": gpu().get("gpu", "CPU"),
            "sleap_version": installed([_ENGINE]).get(_ENGINE, "unknown"),
            "supported_job_types": ["training", "inference"] if which(_ENGINE) else ["training"],
        },
    )


def guest_card(host_name: str) -> Metadata:
    """Return what a worker says of itself that serves such clients and nobody else."""
    alone = Metadata(properties={"s3": False, "jobs": False})
    return metadata(host_name, "available", reads_models=False).updated(legacy_card()).updated(alone)
