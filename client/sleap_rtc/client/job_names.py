"""Orchestration: finds the job that somebody means who types only the end of its id.

Ids of one day begin alike, so it is their ends that people tell them apart by.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sleap_rtc.client.job_errors import JobIdAmbiguous
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sleap_rtc.client.service_client import ServiceClient

_ENDING = re.compile(r"[0-9A-HJKMNP-TV-Z]{4,25}")


def job_named(service: ServiceClient, room_id: str, name: str) -> str:
    """Return the id of the job that a whole id, or an ending of at least four characters, names.

    Raises:
        NotFound: no job that `jobs ls` shows has this ending.
        JobIdAmbiguous: several have.
    """
    name = name.upper()
    if keys.is_ulid(name):
        return name
    missing = NotFound(what=f"job {name} in room {room_id}")
    if not _ENDING.fullmatch(name):
        raise missing
    listed = {job.job_id for job in [*service.jobs(room_id), *service.jobs(room_id, only_open=True)]}
    return ending_with(name, listed, missing)


def ending_with(ending: str, job_ids: Iterable[str], missing: NotFound) -> str:
    """Return the one id with this ending; raise `missing` if there is none, JobIdAmbiguous if several."""
    found = sorted(job_id for job_id in job_ids if job_id.endswith(ending))
    if not found:
        raise missing
    if len(found) > 1:
        raise JobIdAmbiguous(ending=ending, job_ids=", ".join(found))
    return found[0]
