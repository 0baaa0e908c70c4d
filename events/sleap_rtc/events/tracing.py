"""Adapter: the span that is open here, by the clock and with random ids, and its children.

Who begins something names the hook that hears of it; what is done within opens children of whatever span is
open, and none where none is. A thread that is started with `in_this_span` belongs to the span as well.
"""

from __future__ import annotations

import contextvars
import secrets
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from sleap_rtc.events.spans import LONGEST_TEXT, Link, Span, links_to, may_be_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from sleap_rtc.events.span_table import SpanName
    from sleap_rtc.events.spans import Part, SpanHook, Value

_open: contextvars.ContextVar[OpenSpan | None] = contextvars.ContextVar("span", default=None)


class OpenSpan:
    """A step that is under way.

    Args:
        named: its line in the table.
        part: who takes it.
        hook: hears of it when it is done.
        trace_id: of its trace.
        parent_id: of what it is a part of.
        links: what led to it.
        title: its name, where that is not the one of the table.
    """

    def __init__(
        self,
        named: SpanName,
        part: Part,
        hook: SpanHook,
        trace_id: str,
        parent_id: str = "",
        links: tuple[Link, ...] = (),
        title: str = "",
    ) -> None:
        self.named = named
        self.part = part
        self.hook = hook
        self.context = Link(trace_id=trace_id, span_id=secrets.token_hex(8))
        self._parent_id = parent_id
        self._links = links
        self._title = title or named.name
        self._attributes: dict[str, Value] = {}
        self._error = ""
        self._forgotten = False
        self._start_ns = time.time_ns()

    @property
    def traceparent(self) -> str:
        """What whoever goes on with it is given."""
        return self.context.traceparent

    def note(self, attributes: Mapping[str, Value]) -> None:
        """Add attributes, but what the table does not allow, and what may be an address or a path."""
        for name, value in attributes.items():
            if name in self.named.allowed and value != "" and may_be_kept(name, value):
                self._attributes[name] = value[:LONGEST_TEXT] if isinstance(value, str) else value

    def link(self, traceparent: str) -> None:
        """Say that this step led here, too."""
        self._links = links_to([*(each.traceparent for each in self._links), traceparent])

    def failed(self, kind: str) -> None:
        """Say that it ended with an error of this kind."""
        self._error = kind

    def forget(self) -> None:
        """Tell nobody of it: there was nothing to do."""
        self._forgotten = True

    def end(self) -> None:
        """Tell the hook."""
        if self._forgotten:
            return
        if self._error:
            self.note({"error.type": self._error})
        self._forgotten = True
        self.hook(
            Span(
                trace_id=self.context.trace_id,
                span_id=self.context.span_id,
                parent_id=self._parent_id,
                links=self._links,
                name=self._title,
                kind=self.named.kind,
                part=self.part,
                start_ns=self._start_ns,
                end_ns=max(self._start_ns, time.time_ns()),  # a clock may be set back
                attributes=self._attributes,
                status="error" if self._error else "unset",
            )
        )


@contextmanager
def entered(span: OpenSpan) -> Iterator[OpenSpan]:
    """Let a span be the open one, and end it; an exception that passes makes it one that failed."""
    token = _open.set(span)
    try:
        yield span
    except BaseException as error:
        span.failed(type(error).__name__)
        raise
    finally:
        _open.reset(token)
        span.end()


def begun(
    named: SpanName,
    part: Part,
    hook: SpanHook,
    attributes: Mapping[str, Value],
    *,
    within: str = "",
    links: tuple[str, ...] = (),
) -> AbstractContextManager[OpenSpan]:
    """Begin a step that is a part of no other one, or of one in another process.

    Args:
        named: its line in the table.
        part: who takes it.
        hook: hears of it, and of its children.
        attributes: what is known of it already.
        within: the trace context of the parent; "" for none.
        links: the trace contexts that led to it. Without a parent it belongs to the first one's trace.
    """
    parent, led = Link.of(within), links_to(links)
    trace_id = parent.trace_id if parent else led[0].trace_id if led else new_trace_id()
    span = OpenSpan(named, part, hook, trace_id, parent.span_id if parent else "", led)
    span.note(attributes)
    return entered(span)


def child(
    named: SpanName, attributes: Mapping[str, Value], *, links: tuple[str, ...] = (), title: str = ""
) -> AbstractContextManager[OpenSpan | None]:
    """Begin a step of the span that is open; None, and nobody hears of it, where none is."""
    above = _open.get()
    if above is None:
        return nullcontext()
    context = above.context
    span = OpenSpan(named, above.part, above.hook, context.trace_id, context.span_id, links_to(links), title)
    span.note(attributes)
    return entered(span)


def new_trace_id() -> str:
    """Begin a trace."""
    return secrets.token_hex(16)


def current() -> OpenSpan | None:
    """Return the span that is open here."""
    return _open.get()


def current_traceparent() -> str:
    """Return the trace context of the span that is open here, "" where none is."""
    span = _open.get()
    return span.traceparent if span else ""


def note(attributes: Mapping[str, Value]) -> None:
    """Add attributes to the span that is open here, if one is."""
    if span := _open.get():
        span.note(attributes)


def in_this_span(target: Callable[[], object]) -> Callable[[], object]:
    """Return what calls `target` with the span that is open now: for a thread, which would have none."""
    context = contextvars.copy_context()
    return lambda: context.run(target)


def all_of(*hooks: SpanHook) -> SpanHook:
    """Return a hook that tells all of these."""

    def tell(span: Span) -> None:
        for hook in hooks:
            hook(span)

    return tell
