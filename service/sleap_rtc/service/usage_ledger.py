"""Adapter: counts what this instance uses of the cloud, room by room, and keeps it.

Every period with something in it makes one small object in the room. An instance that is killed loses the
period that it was in.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ulid import ULID

from sleap_rtc.events.usage_reports import UsageReport
from sleap_rtc.service.topology import DEAD_LETTER_SUFFIX
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.storage.traffic import Called
from sleap_rtc.storage.usage import NOTHING
from sleap_rtc.storage.usage_keys import OVERHEAD, Account, account_of_key, room_usage_key
from sleap_rtc.storage.usage_tally import UsageTally

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.traffic import Moved
    from sleap_rtc.storage.usage import Usage

log = logging.getLogger(__name__)

PERIOD_S = 3600.0
"""24 objects a day for a room in which something happens all the time: a write costs 0.000005 dollars."""
_MOST_ACCOUNTS = 1000
"""In one object. What is beyond counts for the room."""


class UsageLedger:
    """A hook for traffic.

    Args:
        job_queue_prefix: what the names of rooms' queues begin with.
        instance: which instance this is.
    """

    def __init__(self, job_queue_prefix: str, instance: str) -> None:
        self._queue_prefix = f"{job_queue_prefix}-"
        self._instance = instance
        self._began = datetime.now(UTC)
        self._tally: UsageTally[Account] = UsageTally(self._account)

    def __call__(self, event: Called | Moved) -> None:
        """Count an event."""
        self._tally(event)

    def of_room(self, room_id: str) -> dict[Account, Usage]:
        """Return what was counted for a room and is not kept yet."""
        return {
            account: usage for account, usage in self._tally.so_far().items() if account.room_id == room_id
        }

    async def run(self, rooms: ObjectStore, stop: asyncio.Event, period_s: float = PERIOD_S) -> None:
        """Keep what was counted, period by period, and the last one when `stop` is set."""
        while not stop.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(period_s):
                    await stop.wait()
            await asyncio.to_thread(self.keep, rooms)

    def keep(self, rooms: ObjectStore) -> None:
        """Write what was counted since the last time; what cannot be written is kept for the next one."""
        began, self._began = self._began, datetime.now(UTC)
        of_room: defaultdict[str, dict[Account, Usage]] = defaultdict(dict)
        for account, usage in self._tally.take().items():
            of_room[account.room_id][account] = usage
        of_room.pop(OVERHEAD.room_id, None)
        reports = Documents(rooms, UsageReport)
        for room_id, counted in of_room.items():
            try:
                reports.create(room_usage_key(room_id, str(ULID())), self._report(began, counted))
            except SleapRtcError as error:
                self._tally.give_back(counted)
                log.warning("what was used for room %s is told later: %s", room_id, error)

    def _report(self, began: datetime, counted: Mapping[Account, Usage]) -> UsageReport:
        own = NOTHING
        accounts: dict[str, Usage] = {}
        for account, usage in counted.items():
            if account.kind and len(accounts) < _MOST_ACCOUNTS:
                accounts[account.name] = usage
            else:
                own += usage
        return UsageReport(
            by="service",
            reporter=self._instance,
            began=began,
            ended=datetime.now(UTC),
            usage=own,
            accounts=accounts,
        )

    def _account(self, event: Called | Moved) -> Account:
        if not isinstance(event, Called):
            return OVERHEAD  # no bytes of datasets or models pass through the service
        match event.service:
            case "s3":
                return account_of_key(event.about)
            case "sqs":
                room_id = event.about.removeprefix(self._queue_prefix).removesuffix(DEAD_LETTER_SUFFIX)
                return Account(room_id) if event.about.startswith(self._queue_prefix) else OVERHEAD
            case _:
                return Account(event.about) if event.about else OVERHEAD
