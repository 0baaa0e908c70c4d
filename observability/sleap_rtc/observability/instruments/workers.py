"""Pure: the metrics of workers, their trainings, caches and machines."""

from __future__ import annotations

from typing import Final

from sleap_rtc.observability.instrument import Instrument, Kind
from sleap_rtc.observability.instruments.words import GPU, SERVICE, WORK_S, WORKER, label

WORKERS: Final = Instrument(
    "sleap_rtc.workers",
    Kind.GAUGE,
    "{worker}",
    "Workers that checked in lately, by kind and by whether they have a job.",
    (label("kind", "desktop", "runai", "kubernetes"), label("busy", "yes", "no")),
    parts=SERVICE,
)

WORKER_BUSY: Final = Instrument(
    "sleap_rtc.worker.busy",
    Kind.GAUGE,
    "1",
    "Whether this worker has a job: 0 or 1.",
    (),
    parts=WORKER,
)

EPOCHS: Final = Instrument(
    "sleap_rtc.training.epochs",
    Kind.COUNTER,
    "{epoch}",
    "Epochs that were trained.",
    (),
    parts=WORKER,
)

EPOCH_DURATION: Final = Instrument(
    "sleap_rtc.training.epoch.duration",
    Kind.HISTOGRAM,
    "s",
    "How long epochs took.",
    (),
    WORK_S,
    WORKER,
)

CHECKPOINTS: Final = Instrument(
    "sleap_rtc.training.checkpoints",
    Kind.COUNTER,
    "{checkpoint}",
    "Checkpoints that were sent to the room, and those that a job went on from.",
    (label("what", "sent", "resumed_from", "failed"),),
    parts=WORKER,
)

CACHE_LOOKUPS: Final = Instrument(
    "sleap_rtc.cache.lookups",
    Kind.COUNTER,
    "{lookup}",
    "Looks into the cache of datasets.",
    (label("result", "hit", "miss"),),
    parts=WORKER,
)

CACHE_EVICTIONS: Final = Instrument(
    "sleap_rtc.cache.evictions",
    Kind.COUNTER,
    "{dataset}",
    "Datasets that the cache let go of.",
    (),
    parts=WORKER,
)

CACHE_SIZE: Final = Instrument(
    "sleap_rtc.cache.size",
    Kind.GAUGE,
    "By",
    "Bytes that the cache of datasets takes.",
    (),
    parts=WORKER,
)

CPU_LOAD: Final = Instrument(
    "sleap_rtc.host.cpu",
    Kind.GAUGE,
    "1",
    "How busy the worker's processors are while it has a job, all together, 0 to 1.",
    (),
    parts=WORKER,
)

HOST_MEMORY: Final = Instrument(
    "sleap_rtc.host.memory",
    Kind.GAUGE,
    "By",
    "Memory in use on the worker's machine while it has a job.",
    (),
    parts=WORKER,
)

GPU_LOAD: Final = Instrument(
    "sleap_rtc.gpu.utilization",
    Kind.GAUGE,
    "1",
    "How busy a GPU is while the worker has a job, 0 to 1 (NVML).",
    (GPU,),
    parts=WORKER,
)

GPU_MEMORY: Final = Instrument(
    "sleap_rtc.gpu.memory",
    Kind.GAUGE,
    "By",
    "Memory of a GPU in use.",
    (GPU,),
    parts=WORKER,
)

GPU_TEMPERATURE: Final = Instrument(
    "sleap_rtc.gpu.temperature",
    Kind.GAUGE,
    "Cel",
    "Temperature of a GPU.",
    (GPU,),
    parts=WORKER,
)

EVERY: Final = (
    WORKERS,
    WORKER_BUSY,
    EPOCHS,
    EPOCH_DURATION,
    CHECKPOINTS,
    CACHE_LOOKUPS,
    CACHE_EVICTIONS,
    CACHE_SIZE,
    CPU_LOAD,
    HOST_MEMORY,
    GPU_LOAD,
    GPU_MEMORY,
    GPU_TEMPERATURE,
)
