"""Pure: what somebody wants of `client-train` or `client-track`, once his options have been understood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sleap_rtc.client.worker_choice import Wish
from sleap_rtc.live.session_string import parse_session_string
from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.keys import checked_room_id

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.client.transport_selector import Transport
    from sleap_rtc.events.jobs import JobRequest


@dataclass(frozen=True)
class Place:
    """In which room, by which worker, and what lets us in.

    Attributes:
        room_id: the room.
        room_token: its token, if it was given.
        wish: what was said about the worker.
    """

    room_id: str
    room_token: str = field(default="", repr=False)
    wish: Wish = Wish()  # noqa: RUF009 - it is frozen


@dataclass(frozen=True)
class GuiPorts:
    """Where the monitor of a SLEAP on this machine listens and gives commands."""

    controller: int
    publish: int


@dataclass(frozen=True)
class TrainOrder:
    """A training.

    Attributes:
        package: the file.
        request: what is asked of our own workers.
        place: where.
        forced: which way the dataset is to go, if the user says so.
        gui: where the engine's progress goes, too.
        detach: not to wait for the end.
    """

    package: Path
    request: JobRequest
    place: Place
    forced: Transport | None = None
    gui: GuiPorts | None = None
    detach: bool = False


def place_of(
    session_string: str,
    room_id: str,
    token: str,
    worker_id: str,
    *,
    auto_select: bool,
    min_gpu_memory_mb: int | None,
    room_by_option: bool,
) -> Place:
    """Return the place that the options name.

    Args:
        session_string: names room, token and worker.
        room_id: names the room alone.
        token: the room's.
        worker_id: one worker.
        auto_select: whichever has the most GPU memory.
        min_gpu_memory_mb: it needs at least so much.
        room_by_option: whether the room was named on the command line, and not by the environment.

    Raises:
        InputError: they name none, or contradict each other.
    """
    least = min_gpu_memory_mb or 0
    if session_string:
        if room_by_option or token or worker_id or auto_select:
            raise InputError(
                message="A session string names the room and the worker already, so it does not go with "
                "--room-id, --token, --worker-id or --auto-select. Leave one of them out."
            )
        session = parse_session_string(session_string)
        wish = Wish(worker_id=session.worker_id, min_gpu_memory_mb=least)
        return Place(checked_room_id(session.room_id), session.token, wish)
    if not room_id:
        raise InputError(
            message="Say which room: --room-id ROOM, or --session-string with what a worker prints. "
            "`sleap-rtc rooms ls` shows your rooms."
        )
    if worker_id and auto_select:
        raise InputError(
            message="--worker-id names a worker and --auto-select leaves the choice: give one of them."
        )
    return Place(checked_room_id(room_id), token, Wish(worker_id, auto_select, least))
