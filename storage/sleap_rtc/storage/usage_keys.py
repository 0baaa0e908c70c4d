"""Pure: where records of what was used lie, and whose a request is by what it is about.

{room_id}/jobs/{job_id}/usage/worker-{fencing:016d}.json   by the worker, once for each attempt
{room_id}/jobs/{job_id}/usage/client-{ulid}.json           by a client, once for each command
{room_id}/usage/{ulid}.json                                by the service, once for each period
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sleap_rtc.storage import keys


@dataclass(frozen=True)
class Account:
    """Whose something is: a room's, or more closely that of a job, an upload or a model of it.

    What belongs to no room is the overhead of the service.
    """

    room_id: str = ""
    kind: Literal["", "job", "upload", "model"] = ""
    id: str = ""

    @property
    def name(self) -> str:
        """Its name within the room, such as `job:01J…`; empty for the room's own."""
        return f"{self.kind}:{self.id}" if self.kind else ""


OVERHEAD = Account()


def job_usage_prefix(room_id: str, job_id: str) -> str:
    """Return what the keys of what is told of a job start with."""
    return f"{keys.jobs_prefix(room_id)}{job_id}/usage/"


def worker_usage_key(room_id: str, job_id: str, fencing: int) -> str:
    """Return the key of what the worker of an attempt used."""
    return f"{job_usage_prefix(room_id, job_id)}worker-{fencing:016d}.json"


def client_usage_key(room_id: str, job_id: str, ulid: str) -> str:
    """Return the key of what a client used."""
    return f"{job_usage_prefix(room_id, job_id)}client-{ulid}.json"


def room_usage_prefix(room_id: str) -> str:
    """Return what the keys of what the service used for a room start with; they sort by time."""
    return f"{room_id}/usage/"


def room_usage_key(room_id: str, ulid: str) -> str:
    """Return the key of what the service used for a room in a period that ended then."""
    return f"{room_usage_prefix(room_id)}{ulid}.json"


def account_of_key(key: str) -> Account:
    """Return whose a request to S3 is, by its key or prefix."""
    match key.split("/"):
        case ["uploads", room_id, upload_id, *_] if upload_id:
            account = Account(room_id, "upload", upload_id)
        case [".open", ("jobs" | "uploads") as kind, room_id, id_, *_] if id_:
            account = Account(room_id, "job" if kind == "jobs" else "upload", id_)
        case [".quotas", "rooms", room_id, upload_id, *_] if upload_id:
            account = Account(room_id, "upload", upload_id)
        case [".open" | ".quotas", "jobs" | "uploads" | "rooms", room_id, *_]:
            account = Account(room_id)
        case [_, "usage", *_]:
            account = OVERHEAD  # or what is counted would never come to rest
        case [room_id, "jobs", _, "usage", *_]:
            account = Account(room_id)  # looking at a bill does not change it
        case [room_id, "jobs", job_id, *_] if job_id:
            account = Account(room_id, "job", job_id)
        case [room_id, "uploads", upload, *_] if upload:
            account = Account(room_id, "upload", upload.removesuffix(".json"))
        case [room_id, "models", folder, *_] if folder:
            account = Account(room_id, "model", folder.rpartition("_")[2])
        case [room_id, *_]:
            account = Account(room_id)
        case _:
            account = OVERHEAD
    return account if keys.is_room_id(account.room_id) else OVERHEAD
