"""Adapter: sends a process's metrics to a Prometheus Pushgateway, for processes that nobody can scrape.

A thread of its own pushes at an interval and once more at the end. A gateway that is down, slow or refusing
costs whoever is measured nothing: no push is waited for but the last, for `FAREWELL_S` at most, and the first
one that does not get through is reported in one sentence.
"""

from __future__ import annotations

import logging
import secrets
import threading
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, Self
from urllib.error import HTTPError

from prometheus_client import push_to_gateway

from sleap_rtc.observability.collector import TelemetryLost
from sleap_rtc.observability.measuring import Measuring
from sleap_rtc.observability.until_exit import at_exit, say
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.observability.prometheus_meter import Part

log = logging.getLogger(__name__)

EVERY_S = 15.0
FAREWELL_S = 2.0
"""How long the end of a process may wait for its last push."""
_TIMEOUT_S = 1.5
"""For each step of a push: to connect, and until the answer's next byte."""
_JOB = "sleap-rtc"


class Push:
    """Pushes while it is entered. The group at the gateway is the part and a random id of the process.

    Args:
        url: of the gateway.
        part: which part of the system the process is.
        measuring: what is pushed.
        say: told once, in a sentence, that a push did not get through.
        every_s: seconds between two pushes.
    """

    def __init__(
        self,
        url: str,
        part: Part,
        measuring: Measuring,
        say: Callable[[str], None],
        every_s: float = EVERY_S,
    ) -> None:
        self._url = url
        self._group = {"part": part, "instance": secrets.token_hex(6)}
        self._measuring = measuring
        self._say = say
        self._every_s = every_s
        self._reported = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics-push", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Push once more, but wait no longer for it than `FAREWELL_S`."""
        self._over.set()
        self._thread.join(FAREWELL_S)
        if self._thread.is_alive():
            self._lost("it does not answer")

    def _run(self) -> None:
        while not self._over.wait(self._every_s):
            self._push()
        self._push()

    def _push(self) -> None:
        try:
            push_to_gateway(
                self._url,
                job=_JOB,
                registry=self._measuring.registry,
                grouping_key=self._group,
                timeout=_TIMEOUT_S,
            )
        except HTTPError as error:
            self._lost(f"it answers with status {error.code}")
        except Exception as error:  # whatever it is, nobody's work depends on it
            self._lost(str(getattr(error, "reason", "") or error) or type(error).__name__)

    def _lost(self, why: str) -> None:
        tell(TelemetryLost("metrics"))
        if not self._reported:
            self._reported = True
            self._say(
                f"The metrics of this process do not reach the Pushgateway of metrics_push_url ({why}); "
                "everything else goes on as always."
            )


@cache
def push_until_exit(url: str, part: Part) -> Measuring:
    """Measure and push from now on until the process ends, be it by SIGTERM; once for each address."""
    opened = ExitStack()
    measuring = opened.enter_context(Measuring(part))
    opened.enter_context(Push(url, part, measuring, say))
    at_exit(opened.close)
    return measuring
