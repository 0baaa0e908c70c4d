"""Pure: what a job that nobody has submitted yet will use, and so cost.

Transfers follow from sizes and the part plan. What the service, a worker and a client that watches ask for
besides was measured (docs/scaling.md): per job, and per hour of training.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from sleap_rtc.storage.cost import gb_months
from sleap_rtc.storage.part_plan import LARGEST_OBJECT_BYTES, plan_parts, plan_ranges
from sleap_rtc.storage.usage import Usage

PER_JOB = {
    "s3.PutObject": 26,
    "s3.ListObjectsV2": 14,
    "s3.GetObject": 50,
    "s3.HeadObject": 14,
    "sqs.ReceiveMessage": 20,
    "sns.Publish": 3,
}
"""Counted of a job of one epoch with a client that watches and pulls (`benchmarks/job_cost.py`); of SQS,
which is asked for a room and not for a job, what a job's notices and its message take."""
_OF_A_FILE = ("s3.CreateMultipartUpload", "s3.UploadPart", "s3.CompleteMultipartUpload")
SMALL_FILES = 7
"""Of a model, beside its weights."""
LOOKS_AN_HOUR = 720
"""A holder reads the job's record every five seconds."""
RENEWALS_AN_HOUR = 90
"""With the default lease of 120 s: a read and a write each, and a request of SQS for the message."""
LOG_PIECES_AN_HOUR = 240
"""Of an engine that talks all the time (`worker.job_log`)."""
CHECKPOINTS_AN_HOUR = 60
"""At the default of `checkpoint_every_s`: the last, the best, the curve, and a record that names them."""


@dataclass(frozen=True)
class PlannedJob:
    """A job as it is meant to be.

    Attributes:
        dataset_bytes: of the package.
        made_bytes: of all that it makes and that a client brings home.
        hours: of training.
        in_region: whether the worker is in the region of the buckets.
        cached: whether the worker has the dataset already.
        shared: whether the worker reads it in a shared folder, so that it does not go through S3.
        pulls: how often what it makes is brought home.
        dataset_days: for how long the dataset is kept.
        made_days: for how long what it makes is.
    """

    dataset_bytes: int
    made_bytes: int = 50_000_000
    hours: float = 1.0
    in_region: bool = False
    cached: bool = False
    shared: bool = False
    pulls: int = 1
    dataset_days: float = 30
    made_days: float = 30

    def words(self) -> tuple[str, ...]:
        """Say what is assumed of it."""
        place = "in the buckets' region" if self.in_region else "elsewhere"
        return (
            f"The worker is {place}, and trains for {self.hours:g} h.",
            "The worker has the dataset in its cache." if self.cached else "No worker has the dataset yet.",
            f"Models of {self.made_bytes / 1e6:,.0f} MB are made, brought home {self.pulls} times, and kept "
            f"for {self.made_days:g} days, the dataset for {self.dataset_days:g}.",
            "Nothing is tried again; a checkpoint is kept every minute, and none is needed.",
        )


def forecast(job: PlannedJob) -> tuple[Usage, float]:
    """Return what a job will use, and the gigabyte-months that it keeps."""
    requests, moved = Counter(PER_JOB), Counter[str]()
    travels = job.dataset_bytes > 0 and not job.shared
    if travels:
        _add_upload(requests, moved, job.dataset_bytes, "dataset")
        if not job.cached:
            way = "in_region" if job.in_region else "internet"
            _add_download(requests, moved, job.dataset_bytes, f"{way}.dataset")
    if job.made_bytes:
        _add_upload(requests, moved, job.made_bytes, "model")
        requests.update(dict.fromkeys(_OF_A_FILE, SMALL_FILES))
        for _ in range(job.pulls):
            _add_download(requests, moved, job.made_bytes, "internet.model")
    renewals = round(job.hours * RENEWALS_AN_HOUR)
    requests["s3.GetObject"] += round(job.hours * LOOKS_AN_HOUR) + renewals
    requests["s3.PutObject"] += renewals + round(job.hours * LOG_PIECES_AN_HOUR)
    requests["sqs.ChangeMessageVisibility"] += renewals
    checkpoints = round(job.hours * CHECKPOINTS_AN_HOUR)
    if checkpoints and job.made_bytes:
        _add_checkpoints(requests, moved, checkpoints, job.made_bytes)
    stored = gb_months(job.made_bytes, timedelta(days=job.made_days))
    if travels:
        stored += gb_months(job.dataset_bytes, timedelta(days=job.dataset_days))
    return Usage(requests=dict(requests), bytes=dict(moved)), stored


def _add_checkpoints(requests: Counter[str], moved: Counter[str], count: int, size_bytes: int) -> None:
    requests["s3.CreateMultipartUpload"] += 3 * count
    requests["s3.UploadPart"] += (2 * plan_parts(min(size_bytes, LARGEST_OBJECT_BYTES)).count + 1) * count
    requests["s3.CompleteMultipartUpload"] += 3 * count
    requests["s3.PutObject"] += count
    requests["s3.GetObject"] += 2 * count
    moved["upload.internet.checkpoint"] += 2 * size_bytes * count


def _add_upload(requests: Counter[str], moved: Counter[str], size_bytes: int, content: str) -> None:
    requests["s3.CreateMultipartUpload"] += 1
    requests["s3.UploadPart"] += plan_parts(min(size_bytes, LARGEST_OBJECT_BYTES)).count
    requests["s3.CompleteMultipartUpload"] += 1
    moved[f"upload.internet.{content}"] += size_bytes


def _add_download(requests: Counter[str], moved: Counter[str], size_bytes: int, what: str) -> None:
    requests["s3.GetObject"] += plan_ranges(min(size_bytes, LARGEST_OBJECT_BYTES)).count
    moved[f"download.{what}"] += size_bytes
