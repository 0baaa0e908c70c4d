"""Orchestration: tells the peers of the room whether this worker takes offers; the newest state wins."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from sleap_rtc.live.signaling_messages import Metadata
from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.worker.slot import properties_of

if TYPE_CHECKING:
    from sleap_rtc.live.signaling_client import SignalingClient
    from sleap_rtc.worker.slot import Slot

log = logging.getLogger(__name__)

_AGAIN_AFTER_S = 2.0


async def tell_status(signaling: SignalingClient, slot: Slot, stop: asyncio.Event) -> None:
    """Tell it, and each change of it, until `stop` is set."""
    stopped = asyncio.create_task(stop.wait())
    told: dict[str, Any] | None = None
    try:
        while not stop.is_set():
            now = properties_of(slot.holder)
            if now != told:
                told = now if await _tell(signaling, now) else None
            waits = {stopped, asyncio.create_task(slot.wait_changed())}
            again_s = None if told is not None else _AGAIN_AFTER_S
            _, waiting = await asyncio.wait(waits, timeout=again_s, return_when=asyncio.FIRST_COMPLETED)
            for wait in waiting - {stopped}:
                wait.cancel()
    finally:
        stopped.cancel()


async def _tell(signaling: SignalingClient, properties: dict[str, Any]) -> bool:
    try:
        await signaling.update_metadata(Metadata(properties=properties))
    except SleapRtcError as error:
        # A new connection tells it by itself; on one that stands it has to be told again.
        log.debug("the room does not know that this worker is %s: %s", properties["status"], error)
        return False
    return True
