"""Adapter: a job on a pipe, or on a terminal whose owner likes lines: a line for each thing that happens."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from sleap_rtc.client.display import console
from sleap_rtc.client.live_items import Over
from sleap_rtc.client.live_json import live_line
from sleap_rtc.client.live_view import logs_aside
from sleap_rtc.client.live_words import LiveWords

if TYPE_CHECKING:
    from sleap_rtc.client.live_job import LiveJob
    from sleap_rtc.events.api import JobView


def watch_in_lines(live: LiveJob, *, as_json: bool) -> JobView | None:
    """Print what happens to a job until it ends, and return it then.

    Raises:
        KeyboardInterrupt: Ctrl-C; the job goes on.
        NotFound, Refused: as the job's items do.
    """
    words = LiveWords()
    with logs_aside(), live:
        for item in live.items():
            if as_json:
                sys.stdout.write(json.dumps(live_line(item)) + "\n")
            else:
                for line in words.lines(item, time.monotonic()):
                    console.print(line, markup=False)
            sys.stdout.flush()
            if isinstance(item, Over):
                return item.job
    return None
