"""Pure: a span, one step of a trace as OpenTelemetry means it, and what is told of it.

Spans of one job share a trace id. A step that another one waits for is its child; where a queue lies between,
the later one has a link to the earlier one and no parent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_LINKS = 8
MOST_ATTRIBUTES = 32
LONGEST_TEXT = 256
MOST_SPANS = 64
"""Of one piece of a trace, as it is kept with a job."""
_CONTEXT = re.compile(r"00-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}")
_LATEST_NS = 2**62

TraceId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
SpanId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Value = bool | int | float | Text
Part = Literal["client", "service", "worker"]


class SpanKind(StrEnum):
    """What a step is to those at its other end."""

    INTERNAL = "internal"
    CLIENT = "client"
    SERVER = "server"
    PRODUCER = "producer"
    CONSUMER = "consumer"


class Link(BaseModel):
    """The step that led to another one without waiting for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trace_id: TraceId
    span_id: SpanId

    @property
    def traceparent(self) -> str:
        """As W3C Trace Context writes it."""
        return f"00-{self.trace_id}-{self.span_id}-01"

    @classmethod
    def of(cls, traceparent: str) -> Self | None:
        """Return what a W3C trace context names, None if it is none."""
        found = _CONTEXT.fullmatch(traceparent)
        if found is None or found["trace"] == "0" * 32 or found["span"] == "0" * 16:
            return None
        return cls(trace_id=found["trace"], span_id=found["span"])


class Span(BaseModel):
    """One finished step.

    Attributes:
        parent_id: the step that it is a part of; "" for one that begins by itself or by a link.
        links: what led to it.
        part: who took it.
        start_ns: since 1970 in UTC, in nanoseconds.
        end_ns: the same.
        attributes: by the names of the table in `span_table`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trace_id: TraceId
    span_id: SpanId
    parent_id: Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")] = ""
    links: tuple[Link, ...] = Field((), max_length=MOST_LINKS)
    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9 _/{}.-]{0,79}$")]
    kind: SpanKind = SpanKind.INTERNAL
    part: Part
    start_ns: int = Field(ge=0, le=_LATEST_NS)
    end_ns: int = Field(ge=0, le=_LATEST_NS)
    attributes: dict[Annotated[str, Field(pattern=r"^[a-z0-9_.]{1,64}$")], Value] = Field(
        default_factory=dict, max_length=MOST_ATTRIBUTES
    )
    status: Literal["unset", "error"] = "unset"

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.end_ns < self.start_ns:
            raise ValueError("a span ends after it begins")
        return self

    @property
    def link(self) -> Link:
        """Itself, as others link to it."""
        return Link(trace_id=self.trace_id, span_id=self.span_id)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.end_ns - self.start_ns) / 1e9

    def text(self, name: str) -> str:
        """Return an attribute as text, "" if there is none."""
        return str(self.attributes.get(name, ""))


SpanHook = Callable[[Span], None]
"""Takes a span that is finished. Called from any thread; must not block and must not raise."""


def unheard(_: Span) -> None:
    """Tell nobody."""


def links_to(traceparents: Iterable[str]) -> tuple[Link, ...]:
    """Return links to what is well formed of these, each once."""
    found = (Link.of(each) for each in traceparents)
    return tuple(dict.fromkeys(link for link in found if link is not None))[:MOST_LINKS]


def may_be_kept(name: str, value: Value) -> bool:
    """Tell whether an attribute may be kept: no value that may be an address or a user's path."""
    if not isinstance(value, str) or name == "http.route":
        return True
    return not ("://" in value or "\\" in value or "?" in value or value.startswith(("/", "~")))
