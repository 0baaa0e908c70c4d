"""A job of a real worker, watched and commanded by a live peer of its room."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from support.product import eventually
from ulid import ULID

from sleap_rtc.client.live_room import live_room
from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.events.job_commands import (
    CancelTransfer,
    Command,
    CommandAnswer,
    Pause,
    Resume,
    Stop,
    TellTransfer,
)
from sleap_rtc.events.job_progress import (
    EpochEnded,
    JobEvent,
    RunEnded,
    StepTaken,
    Told,
    TransferMoved,
)
from sleap_rtc.live.control import Control
from sleap_rtc.live.job_attachment import JobAttachment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from support.product import Product

    from sleap_rtc.events.api import JobView
    from sleap_rtc.live.peer_session import PeerSession

WITHIN_S = 120.0
ENDLESS = ("--set", "trainer_config.max_epochs=1000000")


class Ada:
    """Watches one job of her room, and gives it commands."""

    def __init__(self, session: PeerSession, job_id: str) -> None:
        control = Control(session)
        self.session = session
        self.told: list[Told] = []
        self.job = JobAttachment(session, control, job_id)
        control.listen()
        self._news = asyncio.Event()

    async def collect(self) -> None:
        while True:
            self.told.append(await self.job.next())
            self._news.set()

    async def sees(self, wanted: Callable[[JobEvent], bool], after: int = 0) -> JobEvent:
        """Wait for an event of which something holds, behind the first so many."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                for told in self.told[after:]:
                    if wanted(told.event):
                        return told.event
                self._news.clear()
                await self._news.wait()

    async def says(self, command: Command) -> CommandAnswer:
        return await self.job.command(command, str(ULID()))


class Lab:
    """A room with a worker and a job."""

    def __init__(self, product: Product, package: Path, *options: str, **environment: str) -> None:
        self.room = product.new_room()
        self._product = product
        product.worker(self.room, **environment)
        said = product.run(
            "client-train", "-p", str(package), "-r", self.room, *options, "--detach", "--json"
        )
        self.job_id = str(said.json_lines()[-1]["job_id"])
        mine = product.client_environment
        self._token = mine["SLEAP_RTC_TOKEN"]
        self._service = ServiceClient(mine["SLEAP_RTC_BACKEND_API_URL"], self._token)
        self._signaling = mine["SLEAP_RTC_BACKEND_API_URL"].replace("http://", "ws://") + "/ws"

    def look(self) -> JobView:
        return self._service.job(self.room, self.job_id)

    def reach(self, *states: str) -> None:
        product, room = self._product, self.room
        eventually(lambda: product.job(room)["state"] in states, WITHIN_S)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[Ada]:
        """Be at the job."""
        await asyncio.to_thread(self.reach, "downloading", "training", "uploading")
        peer_id = self.look().worker_peer_id
        assert peer_id
        async with live_room(self._signaling, self.room, self._token) as room:
            session = await room.call(peer_id)
            ada = Ada(session, self.job_id)
            collecting = asyncio.create_task(ada.collect())
            try:
                await ada.job.attach()
                yield ada
            finally:
                await session.close()
                await asyncio.gather(collecting, return_exceptions=True)


def epoch(event: JobEvent) -> bool:
    return isinstance(event, EpochEnded)


def trains(event: JobEvent) -> bool:
    return isinstance(event, StepTaken) and event.state == "training"


def test_a_download_is_paused_at_once_and_goes_on(product: Product, package: Path) -> None:
    lab = Lab(product, package, "--set", "trainer_config.max_epochs=1", **slowly(product, package))

    async def story() -> None:
        async with lab.watched() as ada:
            answer = await ada.says(Pause())
            assert answer.text == "the download of the dataset is held; what has arrived stays"
            held = await ada.sees(lambda each: isinstance(each, TransferMoved) and each.state == "paused")
            assert isinstance(held, TransferMoved)
            assert held.done_bytes < held.total_bytes
            assert "it is held" in (await ada.says(TellTransfer())).text
            assert (await ada.says(Stop())).outcome == "refused"
            assert lab.look().state == "downloading"
            await ada.says(Resume())
            await ada.sees(trains)

    asyncio.run(story())
    lab.reach("published")


def slowly(product: Product, package: Path) -> dict[str, str]:
    """Have a package downloaded for twenty seconds, into a cache that has nothing of other tests in it."""
    return {
        "SLEAP_RTC_BANDWIDTH_LIMIT": str(package.stat().st_size // 20),
        "SLEAP_RTC_CACHE_DIR": str(product.stack.folder / f"cache-{ULID()}"),
    }


def test_a_cancelled_download_fails_the_job_and_the_worker_takes_the_next(
    product: Product, package: Path
) -> None:
    lab = Lab(product, package, **slowly(product, package))

    async def story() -> None:
        async with lab.watched() as ada:
            assert (await ada.says(CancelTransfer())).outcome == "done"
            await ada.sees(lambda each: isinstance(each, RunEnded) and each.state == "failed")

    asyncio.run(story())
    failed = lab.look().failure
    assert failed is not None
    assert failed.code == "transfer_cancelled"
    assert "was cancelled by local-user" in failed.message
