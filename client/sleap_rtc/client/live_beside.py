"""Orchestration: live events as JSON lines, beside those that tell of a job anyway.

Steps and lines of the log are among those already and are not told a second time.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from sleap_rtc.client.live_items import LinkState, Over
from sleap_rtc.client.live_json import live_line
from sleap_rtc.client.live_view import logs_aside
from sleap_rtc.events.job_progress import LineLogged, StepTaken, Told
from sleap_rtc.storage.errors import SleapRtcError

if TYPE_CHECKING:
    from types import TracebackType

    from sleap_rtc.client.display import JsonWatcher
    from sleap_rtc.client.live_job import LiveJob

_LAST_ONES_S = 10.0
_TICK_S = 0.2


class LiveBeside:
    """Tells live events while the context is open; at its end, those that are on their way.

    Args:
        live: the job; it is not open.
        out: what prints.
    """

    def __init__(self, live: LiveJob, out: JsonWatcher) -> None:
        self._live = live
        self._out = out
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="live-beside", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the last ones; not if something went wrong, Ctrl-C among it."""
        if error is None:
            self._thread.join(_LAST_ONES_S)
        self._left.set()

    def _tell(self) -> None:
        # What there is to say of the service and the job itself, the other lines say.
        with suppress(SleapRtcError), logs_aside(), self._live:
            while not self._left.is_set():
                item = self._live.next(_TICK_S)
                if isinstance(item, Over):
                    return
                if isinstance(item, LinkState):
                    self._out.tell("link", **_fields(item))
                elif isinstance(item, Told) and not isinstance(item.event, LineLogged | StepTaken):
                    self._out.tell("told", **_fields(item))


def _fields(item: LinkState | Told) -> dict[str, object]:
    return {name: value for name, value in live_line(item).items() if name != "type"}
