"""Adapter: what is sent to an OpenTelemetry collector; where none is named, nothing is sent or loaded."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

from sleap_rtc.events.spans import unheard
from sleap_rtc.observability.collector import EXIT_S, NOT_INSTALLED, Losses, is_installed, is_wanted
from sleap_rtc.observability.until_exit import at_exit, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sleap_rtc.events.spans import Part, SpanHook
    from sleap_rtc.observability.instrument import Meter
    from sleap_rtc.observability.otlp_meter import OtlpMeter
    from sleap_rtc.observability.otlp_spans import OtlpSpans


class Telemetry:
    """The way of a process's spans and metrics to a collector.

    Args:
        part: who they are of.
        environment: has OpenTelemetry's variables.
        say: called with a sentence, once, where the collector does not take them.
    """

    def __init__(self, part: Part, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._spans: OtlpSpans | None = None
        self._meter: OtlpMeter | None = None
        traces, metrics = is_wanted(environment, "traces"), is_wanted(environment, "metrics")
        if not (traces or metrics):
            return
        if not is_installed():
            say(NOT_INSTALLED)
            return
        losses = Losses(say)
        if traces:
            from sleap_rtc.observability.otlp_spans import OtlpSpans

            self._spans = OtlpSpans(part, losses)
        if metrics:
            from sleap_rtc.observability.instruments import INSTRUMENTS
            from sleap_rtc.observability.otlp_meter import OtlpMeter

            self._meter = OtlpMeter(part, [each for each in INSTRUMENTS if part in each.parts], losses)

    @property
    def on_span(self) -> SpanHook:
        """A hook for spans."""
        return self._spans or unheard

    @property
    def meters(self) -> tuple[Meter, ...]:
        """What takes measurements for the collector: one, if a collector is named."""
        return (self._meter,) if self._meter else ()

    def close(self, within_s: float = EXIT_S) -> None:
        """Send what is left, as far as that takes no longer than this in all."""
        until = time.monotonic() + within_s
        if self._spans:
            self._spans.close(within_s / 2)
        if self._meter:
            self._meter.close(until - time.monotonic())


@cache
def telemetry_until_exit(part: Part) -> Telemetry:
    """Tell the collector that the environment names, if it names one, until the process ends."""
    telemetry = Telemetry(part, os.environ, say)
    opened = ExitStack()
    opened.callback(telemetry.close)
    if telemetry.meters:
        from sleap_rtc.observability.measuring import Measuring

        opened.enter_context(Measuring(part, *telemetry.meters))
    at_exit(opened.close)
    return telemetry
