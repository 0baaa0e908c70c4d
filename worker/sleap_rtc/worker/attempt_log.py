"""Adapter: an attempt as the worker's own log has it: a line for each step, and one for each transfer."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sleap_rtc.events.log_lines import log_event
from sleap_rtc.events.log_table import JOB_STEP, TRANSFER_DONE, TRANSFER_FAILED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sleap_rtc.events.jobs import Job, JobState

log = logging.getLogger(__name__)


def step(job: Job, state: JobState, worker_id: str) -> None:
    """Note that a job has come to a step."""
    log_event(
        log,
        JOB_STEP,
        job_id=job.job_id,
        state=str(state),
        attempt=job.attempt,
        room_id=job.room_id,
        worker_id=worker_id,
    )


@contextmanager
def transfer(job: Job, direction: str, content: str, size_bytes: int) -> Iterator[None]:
    """Note how a transfer ended."""
    begun = time.monotonic()
    try:
        yield
    except Exception as error:
        log_event(
            log,
            TRANSFER_FAILED,
            job_id=job.job_id,
            direction=direction,
            content=content,
            seconds=time.monotonic() - begun,
            reason=str(error),
            room_id=job.room_id,
            size_bytes=size_bytes,
        )
        raise
    log_event(
        log,
        TRANSFER_DONE,
        job_id=job.job_id,
        direction=direction,
        content=content,
        size_bytes=size_bytes,
        seconds=time.monotonic() - begun,
        room_id=job.room_id,
    )
