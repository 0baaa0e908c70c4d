"""Pure: which of the workers that are connected to a room a job goes to.

A worker says what it is in its metadata. One of this tool has the property `s3`; the existing tool's have no
such property.
The existing server forgets a worker's tags when its status changes, so a worker without any counts as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sleap_rtc.live.signaling_messages import BUSY_STATUSES
from sleap_rtc.storage.errors import InputError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sleap_rtc.live.signaling_messages import PeerInfo

TAG = "sleap-rtc"
ROLE = "worker"
WORKERS_ONLY: dict[str, Any] = {"role": ROLE}
"""The filter that finds them: no more, since what else they say may be forgotten by a server."""
DIRECT_JOBS = "direct_jobs"


@dataclass(frozen=True)
class Candidate:
    """A worker of the room, as it describes itself."""

    peer_id: str
    host_name: str = ""
    gpu_model: str = "CPU"
    gpu_memory_mb: int = 0
    status: str = "available"
    reads_s3: bool = False
    takes_direct_jobs: bool = False
    job_types: tuple[str, ...] = ()
    """What it says it does; nothing said is anything."""

    @property
    def free(self) -> bool:
        """Whether it would take a job now, as far as it says so."""
        # One that takes jobs directly may say that it takes none from the existing tool's clients.
        busy = BUSY_STATUSES - {"maintenance"} if self.takes_direct_jobs else BUSY_STATUSES
        return self.status not in busy

    @property
    def name(self) -> str:
        """What people are told."""
        peer_id = _text(self.peer_id, "without a name")
        return f"{peer_id} ({self.host_name})" if self.host_name else peer_id

    @property
    def described(self) -> str:
        """A line about it."""
        of_what = "this tool" if self.reads_s3 else "the existing tool"
        return f"{self.name}: {self.gpu_model}, {self.gpu_memory_mb:,} MB, {self.status}, of {of_what}"


@dataclass(frozen=True)
class Wish:
    """What the user says about the worker.

    Attributes:
        worker_id: exactly this one.
        auto_select: whichever has the most GPU memory.
        min_gpu_memory_mb: at least so much.
    """

    worker_id: str = ""
    auto_select: bool = False
    min_gpu_memory_mb: int = 0

    @property
    def says_which(self) -> bool:
        """Whether nobody has to be asked."""
        return bool(self.worker_id) or self.auto_select


class WorkerUnsuitable(InputError):
    """Worker {worker} cannot be used: {why}."""

    worker: str
    why: str


class WorkerAbsent(Unreachable):
    """Worker {worker} is not in the room at the moment. {others}"""

    worker: str
    others: str


class NoWorkerFree(Unreachable):
    """{why}"""

    why: str


class WorkerTaken(Unreachable):
    """Worker {worker} is {status} at the moment. Run the command again when it is free."""

    worker: str
    status: str


class WorkerUndecided(InputError):
    """Several workers are free: {workers}. Say which with --worker-id, or take the one with the most GPU
    memory with --auto-select."""

    workers: str


def candidate_of(peer: PeerInfo) -> Candidate | None:
    """Return what a peer says of itself; None if it is no worker of either tool."""
    if peer.role != ROLE or (peer.metadata.tags and TAG not in peer.metadata.tags):
        return None
    told = peer.metadata.properties
    return Candidate(
        peer_id=peer.peer_id,
        host_name=_text(told.get("hostname"), ""),
        gpu_model=_text(told.get("gpu_model"), "CPU"),
        gpu_memory_mb=_number(told.get("gpu_memory_mb")),
        status=_text(told.get("status"), "available"),
        reads_s3=told.get("s3") is True,
        takes_direct_jobs=bool(told.get(DIRECT_JOBS)),
        job_types=_texts(told.get("supported_job_types")),
    )


def candidates_of(peers: Iterable[PeerInfo]) -> list[Candidate]:
    """Return the workers among peers: those of this tool first, then those with more GPU memory."""
    found = [found for peer in peers if (found := candidate_of(peer)) is not None]
    return sorted(found, key=_merit)


def doing(candidates: Iterable[Candidate], job_type: str) -> list[Candidate]:
    """Return the workers that do jobs of a type."""
    return [each for each in candidates if not each.job_types or job_type in each.job_types]


def suitable(candidates: Sequence[Candidate], wish: Wish) -> list[Candidate]:
    """Return whom a job may go to, the best first. If one is named it is the only one, busy or not.

    Raises:
        WorkerAbsent: the named worker is not there.
        WorkerUnsuitable: it has too little memory.
        NoWorkerFree: nobody would take a job.
    """
    if wish.worker_id:
        return [_named(candidates, wish)]
    enough = [each for each in candidates if each.gpu_memory_mb >= wish.min_gpu_memory_mb]
    free = [each for each in enough if each.free]
    if not free:
        raise NoWorkerFree(why=_why_nobody(candidates, enough, wish))
    return free


def counterparts(
    candidates: Sequence[Candidate], wish: Wish, *, s3_is_there: bool, others_read_s3: bool
) -> list[Candidate]:
    """Return whom a job may be sent to over WebRTC, the best first; nobody where it had better wait in S3.

    Args:
        candidates: who is connected.
        wish: what the user says.
        s3_is_there: whether a job may wait there.
        others_read_s3: whether workers that are not connected here take jobs from there.

    Raises:
        WorkerAbsent, WorkerUnsuitable: the named worker cannot be used.
        NoWorkerFree: nobody would take the job, nor find it in S3.
    """
    reads_s3 = others_read_s3 or any(each.reads_s3 for each in candidates)
    try:
        free = suitable(candidates, wish)
    except NoWorkerFree:
        # An existing tool's worker would never find it there.
        if s3_is_there and (reads_s3 or not candidates):
            return []
        raise
    if wish.says_which or not (s3_is_there and reads_s3):
        return free
    return [each for each in free if each.reads_s3]


def decided(candidates: Sequence[Candidate], wish: Wish) -> Candidate:
    """Return whom a job goes to where nobody can be asked.

    Raises:
        WorkerUndecided: there are several, and the user does not say which.
    """
    if len(candidates) > 1 and not wish.says_which:
        raise WorkerUndecided(workers="; ".join(each.described for each in candidates))
    return candidates[0]


def _named(candidates: Sequence[Candidate], wish: Wish) -> Candidate:
    named = next((each for each in candidates if each.peer_id == wish.worker_id), None)
    if named is None:
        there = "; ".join(each.described for each in candidates)
        others = (
            f"There are: {there}." if there else "No other worker is there either. Start it, then try again."
        )
        raise WorkerAbsent(worker=wish.worker_id, others=others)
    if named.gpu_memory_mb < wish.min_gpu_memory_mb:
        why = f"it has {named.gpu_memory_mb:,} MB of GPU memory, and --min-gpu-memory asks for more"
        raise WorkerUnsuitable(worker=named.name, why=why)
    return named


def _why_nobody(candidates: Sequence[Candidate], enough: Sequence[Candidate], wish: Wish) -> str:
    if not candidates:
        return "No worker is connected to the room at the moment. Start one, then run the command again."
    if not enough:
        most = max(each.gpu_memory_mb for each in candidates)
        return (
            f"No worker of the room has the {wish.min_gpu_memory_mb:,} MB of GPU memory that "
            f"--min-gpu-memory asks for; the largest has {most:,} MB."
        )
    busy = "; ".join(each.described for each in enough)
    return f"Every worker of the room is busy ({busy}). Run the command again when one is free."


def _merit(candidate: Candidate) -> tuple[bool, int, str]:
    return (not candidate.reads_s3, -candidate.gpu_memory_mb, candidate.peer_id)


def _text(value: object, otherwise: str) -> str:
    printable = "".join(c for c in value if c.isprintable()) if isinstance(value, str) else ""
    return printable[:80] or otherwise


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else 0


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
