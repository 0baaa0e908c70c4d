"""Adapter: gathers the spans of jobs and has them kept, some at a time, in a thread of its own.

A span that does not say of which job it is belongs to that of its trace. What cannot be kept, because too
much waits or nobody takes it, is lost, and nothing waits for it.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from sleap_rtc.events.span_table import job_of
from sleap_rtc.events.spans import MOST_SPANS

if TYPE_CHECKING:
    from sleap_rtc.events.spans import Span
    from sleap_rtc.events.trace_store import TraceWriter

log = logging.getLogger(__name__)

GATHER_S = 2.0
"""How long spans of a job are gathered before they are written: more of them make one request."""
_MOST_WAITING = 2000
_MOST_TRACES = 1000


class SpanKeeper:
    """A hook for spans of jobs.

    Args:
        writer: keeps them.
        gather_s: for how long spans of a job are gathered before they are written, in seconds.
    """

    def __init__(self, writer: TraceWriter, gather_s: float = GATHER_S) -> None:
        self._writer = writer
        self._gather_s = gather_s
        self._spans: list[Span] = []
        self._jobs: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._news = threading.Condition()
        self._fresh = False
        self._closing = False
        self._thread: threading.Thread | None = None

    def __call__(self, span: Span) -> None:
        """Take a span."""
        with self._news:
            if self._closing or len(self._spans) >= _MOST_WAITING:
                return
            self._spans.append(span)
            self._fresh = True
            if job := job_of(span):
                self._belongs(span.trace_id, job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
                self._thread.start()
            self._news.notify()

    def close(self, within_s: float = 2.0) -> None:
        """Have written what was taken, as far as that takes no longer than this; take no more."""
        with self._news:
            self._closing = True
            self._news.notify()
        if self._thread is not None:
            self._thread.join(within_s)

    def _belongs(self, trace_id: str, job: tuple[str, str]) -> None:
        self._jobs[trace_id] = job
        if len(self._jobs) > _MOST_TRACES:
            self._jobs.popitem(last=False)

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._fresh or self._closing)
                self._news.wait_for(lambda: self._closing, self._gather_s)
                taken, over = self._taken(), self._closing
                self._fresh = False
            for job, spans in taken.items():
                self._write(job, spans)
            if over:
                return

    def _taken(self) -> dict[tuple[str, str], list[Span]]:
        """Return what can be written, and keep what waits to learn of which job it is."""
        known: dict[tuple[str, str], list[Span]] = {}
        unknown: list[Span] = []
        for span in self._spans:
            job = job_of(span) or self._jobs.get(span.trace_id)
            (known.setdefault(job, []) if job else unknown).append(span)
        self._spans = unknown[-MOST_SPANS:]
        return known

    def _write(self, job: tuple[str, str], spans: list[Span]) -> None:
        for first in range(0, len(spans), MOST_SPANS):
            try:
                self._writer.write(*job, spans[first : first + MOST_SPANS])
            except Exception as error:
                log.info("job %s: %d spans of its trace were not kept: %s", job[1], len(spans), error)
                return
