"""What a worker without credentials has to do with: a room, its jobs' records, and a service to ask."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import urllib3
from ulid import ULID

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.events import job_steps
from sleap_rtc.events.feed import RoomFeed
from sleap_rtc.events.job_desk import StoreJobDesk
from sleap_rtc.events.job_reports import Hold, JobRules
from sleap_rtc.events.job_store import JobStore
from sleap_rtc.events.jobs import DatasetRef, Job, JobRequest
from sleap_rtc.events.service_http import ServiceHttp
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.room import Room
from sleap_rtc.worker.service_desk import ServiceDesk

if TYPE_CHECKING:
    from sleap_rtc.events.job_desk import JobDesk
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.room import Role
    from support.product import Product

ROOMS = "sleap-rtc-rooms"
UPLOADS = "sleap-rtc-uploads"
OWNER = "local-user"
COLLEAGUE = "a colleague"
CHECKSUM = "crc64nvme:AAAAAAAAAAA="


class Lab:
    """One room with its jobs, and a desk in it for each of its members."""

    def __init__(self, room_id: str, rooms: ObjectStore) -> None:
        self.room_id = room_id
        self.rooms = rooms
        self.jobs = JobStore(rooms)

    def desk(self, subject: str = OWNER) -> JobDesk:
        """Return the desk of a member."""
        raise NotImplementedError

    def queued(self, **changed: Any) -> Job:
        """Write the record of a job that waits for its first worker."""
        job = Job(
            job_id=str(ULID()),
            room_id=self.room_id,
            request=JobRequest(),
            dataset=DatasetRef(path="s3://uploads/data", size_bytes=1, checksum=CHECKSUM),
            created_by="ada",
            created_at=datetime.now(UTC),
            traceparent="",
        ).model_copy(update=changed)
        return self.jobs.create(job_steps.queued(job, datetime.now(UTC), "notice"))[0]

    def claimed(self, worker_id: str = "w1") -> Hold:
        """Return the hold of a worker that has just claimed a job."""
        queued = self.queued()
        return hold_of(self.desk().claim(self.room_id, queued.job_id, worker_id, "m1"))

    def job(self, hold: Hold) -> Job:
        """Return the job as it stands now."""
        return self.jobs.get(hold.room_id, hold.job_id)

    def told(self) -> list[str]:
        """Return what the room was told, in order."""
        return [event.state for event in RoomFeed(self.rooms, _Silent()).since(self.room_id)]


class MemoryLab(Lab):
    """A room in memory, as a worker with a role would see it; members are told apart all the same."""

    def __init__(self) -> None:
        super().__init__("mice-1", MemoryObjectStore())

    def desk(self, subject: str = OWNER) -> StoreJobDesk:
        """Return a desk that works on the records."""
        feed = RoomFeed(self.rooms, _Silent())
        return StoreJobDesk(self.rooms, self.jobs, feed, JobRules(60, 3), subject)


class ServiceLab(Lab):
    """A room of a running service."""

    def __init__(self, product: Product) -> None:
        self.product = product
        super().__init__(self.client(OWNER).create_room("A lab").room_id, product.objects(ROOMS))
        self.let_in(COLLEAGUE, "member")

    def client(self, subject: str) -> ServiceClient:
        """Return somebody's client."""
        stack = self.product.stack
        return ServiceClient(stack.service_url, stack.issuer.token(subject))

    def http(self, subject: str = OWNER) -> ServiceHttp:
        """Return how somebody asks the service."""
        stack = self.product.stack
        return ServiceHttp(stack.service_url, stack.issuer.token(subject))

    def desk(self, subject: str = OWNER) -> ServiceDesk:
        """Return a desk that asks the service."""
        return ServiceDesk(self.http(subject))

    def let_in(self, subject: str, role: Role) -> None:
        """Make somebody a member of the room."""

        def with_member(room: Room) -> Room:
            return room.model_copy(update={"members": {**room.members, subject: role}})

        Documents(self.rooms, Room).change(keys.room_key(self.room_id), with_member)

    def answer(self, method: str, path: str, body: object = None, subject: str = OWNER) -> tuple[int, Any]:
        """Ask for a path below the room by hand; return the status and the body."""
        stack = self.product.stack
        reply = urllib3.request(
            method,
            f"{stack.service_url}/api/rooms/{self.room_id}{path}",
            headers={"Authorization": f"Bearer {stack.issuer.token(subject)}"},
            json=body,
            retries=False,
        )
        return reply.status, reply.json()


class _Silent:
    def publish(self, room_id: str) -> None:
        """Wake nobody."""


def hold_of(job: Job) -> Hold:
    """Return the newest hold of a job."""
    return Hold(job.room_id, job.job_id, job.fencing)


def states(job: Job) -> list[str]:
    """Return the job's history in short."""
    return [edge.state.value for edge in job.history]
