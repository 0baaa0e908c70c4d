"""Orchestration: what a worker serves clients of the existing tool with, and a worker that serves them alone.

The latter is a guest of its room: it has the room's short token, or opens a room of its own as the existing
worker does, and neither queue nor storage.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from sleap_rtc.events.service_http import ServiceHttp
from sleap_rtc.events.workers import worker_id
from sleap_rtc.live.engine import engine_missing
from sleap_rtc.live.ice_server import IceServer
from sleap_rtc.live.sign_in import SignedIn, sign_in_anonymously, sign_out
from sleap_rtc.live.signaling_client import Card, SignalingClient
from sleap_rtc.live.signaling_messages import own_peer_id
from sleap_rtc.live.token_subject import token_subject
from sleap_rtc.storage.errors import InputError
from sleap_rtc.worker.invitation import invite
from sleap_rtc.worker.legacy_card import guest_card
from sleap_rtc.worker.legacy_desk import LegacyDesk
from sleap_rtc.worker.legacy_shop import LegacyShop
from sleap_rtc.worker.live_status import tell_status
from sleap_rtc.worker.room_tokens import RoomToken, make_token, open_room
from sleap_rtc.worker.shift_watch import ShiftWatch
from sleap_rtc.worker.slot import Slot
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path

    from sleap_rtc.events.outcome import Outcome
    from sleap_rtc.events.queue import Message
    from sleap_rtc.settings import Settings
    from sleap_rtc.worker.shift import Shift
    from sleap_rtc.worker.trainer import TrainerName

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reception:
    """What clients of the existing tool are served with.

    Attributes:
        signaling: the worker's place in the room.
        room_id: the room.
        slot: shared with the queue, if there is one.
        shift: what is done counts for it.
        shop: what is done.
        work_dir: where folders for clients are made.
        token: makes the token that they need to get into the room.
        ice_servers: those to use where the server names none.
    """

    signaling: SignalingClient
    room_id: str
    slot: Slot
    shift: ShiftWatch
    shop: LegacyShop
    work_dir: Path
    token: Callable[[], RoomToken]
    ice_servers: Sequence[IceServer] = ()

    def work(self, stop: asyncio.Event) -> list[Coroutine[None, None, None]]:
        """Return what runs until `stop` is set."""
        desk = LegacyDesk(
            self.signaling,
            lambda: self.signaling.ice_servers or self.ice_servers,
            self.slot,
            self.shift,
            self.shop,
            self.work_dir,
        )
        return [
            desk.run(stop),
            tell_status(self.signaling, self.slot, stop),
            invite(self.signaling, self.room_id, self.token, show, stop),
        ]


def show(text: str) -> None:
    """Show people something that is no log line: it has a secret in it."""
    # Nobody may read what a service prints.
    with suppress(OSError):
        sys.stdout.write(text)
        sys.stdout.flush()


def member_token(settings: Settings, room_id: str) -> Callable[[], RoomToken]:
    """Return what makes a token for clients of a room that the worker is a member of."""
    service = ServiceHttp(settings.backend_api_url, settings.token.get_secret_value())
    return partial(make_token, service, room_id)


@dataclass(frozen=True)
class Guest:
    """Who the worker is in a room that it has a token for."""

    room_id: str
    room_token: str = field(repr=False)
    who: SignedIn
    is_anonymous: bool


def enter(settings: Settings, room_id: str, room_token: str) -> Guest:
    """Come into a room by its token; without a room, open one.

    Raises:
        Refused: nobody is let in without a token of his own.
        Unreachable: nobody answers.
    """
    token = settings.token.get_secret_value()
    if token:
        who = SignedIn(own_peer_id(token_subject(token), f"worker-{secrets.token_hex(4)}"), token)
    else:
        who = sign_in_anonymously(settings.signaling_http_url)
    if not room_id:
        opened = open_room(ServiceHttp(settings.signaling_http_url, who.id_token))
        room_id, room_token = opened.room_id, opened.token
    return Guest(room_id, room_token, who, is_anonymous=not token)


async def run_guest(
    settings: Settings, guest: Guest, trainer: TrainerName, shift: Shift, work_dir: Path
) -> None:
    """Serve clients of the existing tool until SIGTERM or Ctrl-C, or the end of the shift.

    Raises:
        InputError: what live peers need is not installed.
        Refused: the room does not let the worker in.
        Unreachable: nobody answers.
    """
    if missing := engine_missing():
        raise InputError(message=f"Clients cannot be served: {missing}.")
    card = Card(guest.room_id, guest.who.peer_id, "worker", guest_card(socket.gethostname()))
    signaling = SignalingClient(settings.signaling_url, card, lambda: guest.who.id_token, guest.room_token)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    watch = ShiftWatch(shift, _no_queue, stop)
    shop = LegacyShop(
        guest.room_id,
        worker_id(socket.gethostname(), secrets.token_hex(4)),
        SubprocessTrainer(trainer),
    )
    token = RoomToken(token=guest.room_token)
    ice = (IceServer(urls=settings.stun_urls),) if settings.stun_urls else ()
    reception = Reception(signaling, guest.room_id, Slot(), watch, shop, work_dir, lambda: token, ice)
    try:
        async with signaling.running():
            await signaling.registered()
            log.info("waiting for clients of the existing tool in room %s", guest.room_id)
            await asyncio.gather(watch.run(), *reception.work(stop))
    finally:
        if guest.is_anonymous:
            await asyncio.to_thread(sign_out, settings.signaling_http_url, guest.who)
    log.info("stopped")


async def _no_queue(message: Message) -> Outcome:
    raise AssertionError(message)
