"""Orchestration: finds out what there is (a service, workers, a path), and has the transport chosen by that.

Nothing is uploaded before it is known who is to read it.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sleap_rtc.client.bearer import bearer
from sleap_rtc.client.room_entry import entered
from sleap_rtc.client.transport_selector import (
    ExpectedPath,
    Facts,
    LiveWorker,
    NoWayThere,
    Transport,
    TransportSelector,
)
from sleap_rtc.client.worker_choice import WorkerUndecided, counterparts, decided, doing
from sleap_rtc.live.engine import engine_missing
from sleap_rtc.live.peer_session import Path as SessionPath
from sleap_rtc.settings.prices import prices_of
from sleap_rtc.storage.errors import InputError, NotFound, Refused, SleapRtcError, Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sleap_rtc.client.live_room import LiveRoom
    from sleap_rtc.client.room_entry import Door
    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.client.train_order import Place
    from sleap_rtc.client.transport_selector import Decision
    from sleap_rtc.client.worker_choice import Candidate
    from sleap_rtc.live.peer_session import PeerSession
    from sleap_rtc.settings import Settings


@dataclass(frozen=True)
class Cloud:
    """What the service knows of the room.

    Attributes:
        problem: why it cannot be used, if it cannot.
        workers: how many workers take jobs there.
    """

    problem: SleapRtcError | None = None
    workers: int = 0

    @property
    def no_s3(self) -> str:
        """Why S3 cannot be used, as half a sentence."""
        match self.problem:
            case None:
                return ""
            case Unreachable(where=where, why=why):
                return f"{_begun_small(where)} does not answer ({why})"
            case NotFound(what=what):
                return f"the service has no {what}, or you have no access to it"
            case Refused(where=where, why=why):
                return f"{_begun_small(where)} refuses us ({why})"
            case problem:
                return _begun_small(str(problem).rstrip("."))


@dataclass(frozen=True)
class Chosen:
    """What was chosen, and whom it goes to.

    Attributes:
        decision: the transport and why.
        room: our place among the room's live peers, if we have one.
        workers: whom the dataset goes to over WebRTC, the best first.
        session: with the best of them, if that is one of this tool.
    """

    decision: Decision
    room: LiveRoom | None
    workers: Sequence[Candidate]
    session: PeerSession | None = None


def look_at_cloud(service: ServiceClient, settings: Settings, place: Place) -> Cloud:
    """Return what the service knows of a room."""
    try:
        if not bearer(settings)():
            return Cloud(InputError(message="You are not signed in, so the service does not let you in."))
        return Cloud(workers=len(service.room(place.room_id).workers))
    except SleapRtcError as problem:
        return Cloud(problem)


@asynccontextmanager
async def transport_chosen(
    size_bytes: int,
    place: Place,
    forced: Transport | None,
    cloud: Cloud,
    door: Door,
    settings: Settings,
    *,
    detached: bool = False,
    ask: Callable[[Sequence[Candidate]], Candidate] | None = None,
    job_type: str = "training",
) -> AsyncIterator[Chosen]:
    """Choose, and stay in the room while the block runs.

    Args:
        size_bytes: of the dataset.
        place: where it is wanted.
        forced: which way it is to go, if the user says so.
        cloud: what the service knows of the room.
        door: what leads to the room's live peers.
        settings: threshold and prices.
        detached: whether the user does not stay.
        ask: lets the user choose among workers of the existing tool; None where nobody can be asked.
        job_type: as workers of the existing tool call it; our own take trainings alone over WebRTC.

    Raises:
        WorkerAbsent, WorkerUnsuitable, NoWorkerFree, WorkerUndecided: no worker can be had as it is wished.
        TransportRefused: what is forced cannot be done.
        NoWayThere: neither way is there.
        SleapRtcError: neither way is there, and what the service said of the room tells why.
    """
    async with AsyncExitStack() as stack:
        room, no_worker = await _room(stack, door)
        workers: Sequence[Candidate] = ()
        if room is not None:
            connected = await room.workers()
            # What our own say that they do is said to clients of the existing tool.
            there = [each for each in connected if each.reads_s3 or doing([each], job_type)]
            workers = counterparts(
                there, place.wish, s3_is_there=not cloud.no_s3, others_read_s3=cloud.workers > 0
            )
            if workers and not workers[0].reads_s3:
                workers = await _one_of(workers, place, ask)
            elif not workers and there:
                no_worker = "every worker of the room that reads S3 is busy"
        best = workers[0] if workers else None
        selector = TransportSelector(settings.large_file_threshold)
        facts = Facts(
            size_bytes=size_bytes,
            worker=_described(best, job_type) if best else None,
            no_worker=no_worker,
            no_s3=cloud.no_s3,
            forced=forced,
            detached=detached,
            prices=prices_of(settings),
        )
        session = None
        if room is not None and best is not None and _worth_a_call(selector, facts):
            session, facts = await _called(stack, room, best, facts)
        try:
            decision = selector.choose(facts)
        except NoWayThere:
            # Whoever gave no room token, and no session string, counts on the service alone.
            if cloud.problem is not None and not place.room_token and not place.wish.says_which:
                raise cloud.problem from None
            raise
        yield Chosen(decision, room, workers, session)


async def _room(stack: AsyncExitStack, door: Door) -> tuple[LiveRoom | None, str]:
    """Come into the room if that is possible; return why not, else what it means that nobody is there."""
    if missing := engine_missing():
        return None, f"workers cannot be reached directly, since {missing}"
    try:
        room = await stack.enter_async_context(entered(door))
    except (Unreachable, Refused) as error:
        verb = "does not answer" if isinstance(error, Unreachable) else "refuses us"
        return None, f"{_begun_small(error.where)} {verb} ({error.why})"
    except InputError as error:
        return None, _begun_small(str(error).rstrip("."))
    return room, "no worker of the room is connected at the moment"


def _worth_a_call(selector: TransportSelector, facts: Facts) -> bool:
    """Tell whether a direct path to a worker of this tool would have it take the dataset from us."""
    if facts.worker is None or not facts.worker.reads_s3:
        return False
    try:
        direct = selector.choose(replace(facts, path=ExpectedPath.DIRECT))
    except SleapRtcError:
        return False
    return direct.transport is Transport.WEBRTC


async def _called(
    stack: AsyncExitStack, room: LiveRoom, worker: Candidate, facts: Facts
) -> tuple[PeerSession | None, Facts]:
    """Make a session; return it, and what is known by that."""
    try:
        session = await room.call(worker.peer_id)
    except (Unreachable, Refused) as error:
        why = f"worker {worker.name} cannot be connected to ({error.why})"
        return None, replace(facts, worker=None, no_worker=why)
    stack.push_async_callback(session.close)
    relayed = session.path is SessionPath.RELAYED
    return session, replace(facts, path=ExpectedPath.RELAYED if relayed else ExpectedPath.DIRECT)


async def _one_of(
    workers: Sequence[Candidate], place: Place, ask: Callable[[Sequence[Candidate]], Candidate] | None
) -> Sequence[Candidate]:
    """Let the user say which worker of the existing tool; with --auto-select the next is tried after it."""
    if place.wish.auto_select:
        return workers
    try:
        return [decided(workers, place.wish)]
    except WorkerUndecided:
        if ask is None:
            raise
        return [await asyncio.to_thread(ask, workers)]


def _described(candidate: Candidate, job_type: str) -> LiveWorker:
    takes_it = candidate.takes_direct_jobs and job_type == "training"
    return LiveWorker(
        name=candidate.name,
        reads_s3=candidate.reads_s3,
        takes_files=takes_it or not candidate.reads_s3,
        free=candidate.free,
    )


def _begun_small(text: str) -> str:
    """Return a sentence as it goes on behind a comma; what begins with a name in capitals stays as it is."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
