"""Orchestration: one job for a program without an event loop: what happens to it, item by item, and commands.

Everything goes on in a loop in a thread of its own; whoever asks for the next item or an answer waits for no
longer than he says. Nothing here can harm the job: it goes on when this ends.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sleap_rtc.client.job_orders import JobOrders
from sleap_rtc.client.job_watch import JobWatch
from sleap_rtc.client.live_items import Over

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from sleap_rtc.client.job_service import JobService
    from sleap_rtc.client.live_items import Item
    from sleap_rtc.client.live_path import Looks
    from sleap_rtc.client.worker_talk import Caller
    from sleap_rtc.events.job_commands import Command, CommandAnswer

T = TypeVar("T")
_NO_LONGER_S = 0.2
"""Of one wait: Ctrl-C is not heard within it everywhere."""
_LEAVE_WITHIN_S = 4.0


class LiveJob:
    """Watches and commands a job while the context is open.

    Args:
        service: has the job's record.
        connect: enters the room, in the loop. Raises Unreachable, Refused.
        room_id: the room.
        job_id: the job, which may be promised and not made yet.
        engine_missing: why no worker can be called from here; empty if one can.
        events: whether events are wanted, and not only a way for commands.
        looks: how often the record is looked at.
    """

    def __init__(
        self,
        service: JobService,
        connect: Callable[[], AbstractAsyncContextManager[Caller]],
        room_id: str,
        job_id: str,
        *,
        engine_missing: str = "",
        events: bool = True,
        looks: Looks | None = None,
    ) -> None:
        self.room_id = room_id
        self.job_id = job_id
        self._service = service
        self._connect = connect
        self._options: dict[str, Any] = {"engine_missing": engine_missing, "events": events, "looks": looks}
        self._items: queue.SimpleQueue[Item | Exception] = queue.SimpleQueue()
        self._watch: JobWatch | None = None
        self._orders: JobOrders | None = None
        self._loop = asyncio.new_event_loop()
        self._watching: asyncio.Task[None] | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-job", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        self._begun.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave, which takes no longer than seconds whatever hangs."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_LEAVE_WITHIN_S)

    def next(self, within_s: float) -> Item | None:
        """Return the next item; None if there is none within this time.

        Raises:
            NotFound: there is no such job (any more).
            Refused: the token is not good (any more).
        """
        try:
            item = self._items.get(timeout=within_s) if within_s > 0 else self._items.get_nowait()
        except queue.Empty:
            return None
        if isinstance(item, Exception):
            raise item
        return item

    def items(self) -> Iterator[Item]:
        """Yield what happens until the job has ended; the last item is Over. Raises as `next` does."""
        while True:
            item = self.next(_NO_LONGER_S)
            if item is not None:
                yield item
            if isinstance(item, Over):
                return

    @property
    def round_trip_s(self) -> float | None:
        """How long a word to the worker takes there and back, in seconds; None without a session."""
        talk = self._watch.talk if self._watch is not None else None
        return talk.session.round_trip_s if talk is not None else None

    def ask(self, command: Command) -> CommandAnswer:
        """Have the worker do something, and return what came of it.

        Raises:
            InputError: nobody is there to obey it.
            CommandUnanswered: no answer came in time.
            Unreachable, Refused, NotFound: the service does not take it.
        """
        return self._wait_for(self.ask_later(command))

    def ask_later(self, command: Command) -> Future[CommandAnswer]:
        """Have the worker do something; what came of it is in the future, as `ask` tells."""
        return self._begin(lambda orders: orders.give(command))

    def fetch(self, name: str) -> bytes:
        """Return a picture that a command made.

        Raises:
            FileOfJobMissing: it cannot be had.
            InputError: it is no picture, or too large.
        """
        return self._wait_for(self.fetch_later(name))

    def fetch_later(self, name: str) -> Future[bytes]:
        """Return a picture that a command made, later; `fetch` says what may go wrong."""
        return self._begin(lambda orders: orders.fetch(name))

    def _begin(self, work: Callable[[JobOrders], Coroutine[Any, Any, T]]) -> Future[T]:
        if self._orders is None:
            raise RuntimeError("the context is not open")
        return asyncio.run_coroutine_threadsafe(work(self._orders), self._loop)

    @staticmethod
    def _wait_for(future: Future[T]) -> T:
        while True:
            try:
                return future.result(_NO_LONGER_S)
            except TimeoutError:
                if future.done():
                    raise
            except CancelledError:
                raise KeyboardInterrupt from None

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._watching = self._loop.create_task(self._watch_it())
        self._loop.call_soon(self._begun.set)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._leave())
        finally:
            self._loop.close()

    async def _watch_it(self) -> None:
        place = (self.room_id, self.job_id)
        self._watch = JobWatch(self._service, self._connect, place, self._items.put, **self._options)
        self._orders = JobOrders(self._service, self._watch, place)
        try:
            await self._watch.run()
        except Exception as error:
            self._items.put(error)

    async def _leave(self) -> None:
        """End the session with a word to the worker; leave alone what hangs."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching], timeout=_LEAVE_WITHIN_S / 2)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=_LEAVE_WITHIN_S / 4)
        await self._loop.shutdown_asyncgens()
