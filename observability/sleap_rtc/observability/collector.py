"""Adapter: whether there is an OpenTelemetry collector, and what becomes of what it does not take.

Where it is stands in OpenTelemetry's own variables, `OTEL_EXPORTER_OTLP_ENDPOINT` and its kin. One that is
down, slow or refusing is spoken of once, and nobody waits for it: whatever is to be sent is sent by threads
that end with the process.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from sleap_rtc.storage.telling import Fact, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.resources import Resource

    Signal = Literal["traces", "metrics"]

EXIT_S = 2.0
"""The longest that a process waits for its last words to be taken."""
_ENDPOINTS = {
    "traces": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "metrics": "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
}
_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
NOT_INSTALLED = (
    "Telemetry is not sent to the collector, since what that takes is not installed here: "
    "pip install 'sleap-rtc[telemetry]'."
)


@dataclass(frozen=True)
class TelemetryLost(Fact):
    """A batch that a collector, or a Pushgateway, did not take."""

    signal: Signal


def is_wanted(environment: Mapping[str, str], signal: Signal) -> bool:
    """Tell whether a collector is named for what is told."""
    return any(environment.get(name, "").strip() for name in (_ENDPOINT, _ENDPOINTS[signal]))


def is_installed() -> bool:
    """Tell whether what it takes to send is installed."""
    return find_spec("opentelemetry") is not None and all(
        find_spec(f"opentelemetry.{part}") is not None for part in ("sdk", "exporter")
    )


def resource_of(part: str) -> Resource:
    """Return who a part of the system is to a collector."""
    from importlib.metadata import version

    from opentelemetry.sdk.resources import Resource

    return Resource.create({"service.name": f"sleap-rtc-{part}", "service.version": version("sleap-rtc")})


class Losses:
    """Counts what a collector did not take, and says so the first time.

    Args:
        say: called with the one sentence.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said = False
        self._lock = threading.Lock()
        # What the SDK says of each batch would be said again and again.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)

    def lost(self, signal: Signal) -> None:
        """Count a batch."""
        with self._lock:
            first, self._said = not self._said, True
        tell(TelemetryLost(signal))
        if first:
            self._say(
                "The collector of OTEL_EXPORTER_OTLP_ENDPOINT takes no telemetry (it is away, too slow, or "
                "refuses); what is lost is counted, and the work goes on."
            )


def ended(work: Callable[[], object], within_s: float) -> bool:
    """Do something that may hang, and tell whether it came to its end in time."""
    thread = threading.Thread(target=work, name="telemetry-end", daemon=True)
    thread.start()
    thread.join(max(0.0, within_s))
    return not thread.is_alive()
