"""Pure: the W3C trace context that a job carries from the laptop to the model.

`00-<32 hex trace id>-<16 hex span id>-01` (W3C Trace Context, level 1). It travels in object metadata, job
records and messages, since neither S3 nor SQS hand it on by themselves.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FORM = re.compile(r"00-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}")
_NO_TRACE = "0" * 32


def new_traceparent(random_hex: Callable[[int], str] = secrets.token_hex) -> str:
    """Start a trace."""
    return f"00-{random_hex(16)}-{random_hex(8)}-01"


def trace_id(traceparent: str) -> str | None:
    """Return the 32 hex digits that all steps of a trace share, None if the text is no trace context."""
    found = _FORM.fullmatch(traceparent)
    return found["trace"] if found and found["trace"] != _NO_TRACE else None


def kept_or_new(traceparent: str) -> str:
    """Return what came from outside if it is well formed, else start a trace."""
    return traceparent if trace_id(traceparent) else new_traceparent()
