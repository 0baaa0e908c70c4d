"""The one place at which a worker trains."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from support.loop import in_virtual_time

from sleap_rtc.live.signaling_messages import BUSY_STATUSES
from sleap_rtc.worker.slot import Holder, Slot, properties_of

if TYPE_CHECKING:
    from sleap_rtc.events.gate import Gate


@in_virtual_time
async def test_a_slot_has_one_holder() -> None:
    slot = Slot()
    assert slot.take(Holder("bob", at_work=False))
    assert not slot.take(Holder("eve"))
    assert slot.holder == Holder("bob", at_work=False)
    slot.give_back()
    assert slot.take(Holder("eve"))


@in_virtual_time
async def test_the_queue_waits_while_a_peer_has_the_slot() -> None:
    slot = Slot()
    gate: Gate = slot
    slot.take(Holder("bob"))
    waiting = asyncio.create_task(gate.wait())
    await asyncio.sleep(1)
    assert not waiting.done()
    assert not gate.enter()
    slot.give_back()
    await waiting
    assert gate.enter()
    assert not slot.take(Holder("bob"))
    gate.leave()
    assert slot.holder is None


@in_virtual_time
async def test_changes_are_seen_once_and_none_is_missed() -> None:
    slot = Slot()
    slot.take(Holder("bob", at_work=False))
    slot.work()
    await slot.wait_changed()
    again = asyncio.create_task(slot.wait_changed())
    await asyncio.sleep(1)
    assert not again.done()
    slot.give_back()
    await again


def test_a_holder_is_told_of_in_the_existing_tools_words() -> None:
    assert properties_of(None) == {"status": "available", "reserved_for": ""}
    assert properties_of(Holder()) == {"status": "busy", "reserved_for": ""}
    assert properties_of(Holder("bob", at_work=False)) == {"status": "reserved", "reserved_for": "bob"}
    assert properties_of(Holder("bob")) == {"status": "busy", "reserved_for": "bob"}
    assert {properties_of(holder)["status"] for holder in (Holder(), Holder("b"))} <= BUSY_STATUSES
