"""A worker that says it is there, and what it says."""

from __future__ import annotations

import asyncio

from support.jobs import NOON, ROOM
from support.loop import in_virtual_time

from sleap_rtc.events.workers import CHECK_IN_EVERY_S, WorkerView
from sleap_rtc.worker.presence import Presence


class Desk:
    """Notes when somebody checks in, and with which models."""

    def __init__(self) -> None:
        self.told: list[tuple[float, tuple[str, ...]]] = []
        self._loop = asyncio.get_running_loop()

    def check_in(self, view: WorkerView) -> None:
        self.told.append((round(self._loop.time()), view.models))


@in_virtual_time
async def test_a_worker_checks_in_at_intervals_and_at_once_where_there_is_news() -> None:
    desk, stop, models = Desk(), asyncio.Event(), ["0a1b2c3d"]
    view = WorkerView(
        room_id=ROOM, worker_id="w1", kind="desktop", trainer="reference", started_at=NOON, until=NOON
    )
    presence = Presence(desk, view, lambda: None, lambda: tuple(models))  # type: ignore[arg-type]
    running = asyncio.create_task(presence.run(stop))
    await asyncio.sleep(CHECK_IN_EVERY_S + 10)
    models.append("ffffffff")
    await asyncio.to_thread(presence.check_in_now)
    await asyncio.sleep(1)
    stop.set()
    await running
    both = ("0a1b2c3d", "ffffffff")
    assert desk.told == [(0, both[:1]), (120, both[:1]), (130, both), (131, both)]
