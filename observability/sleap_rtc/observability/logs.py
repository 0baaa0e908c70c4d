"""Adapter: logs, readable on a terminal and as JSON in production, with secrets taken out.

The inner parts log through the standard library; here it is decided how that looks. Each line of JSON is one
object as CloudWatch Logs Insights reads it; a line of the table of log events has its word as `event`, what a
person reads as `message`, and its fields beside them. While a span is open, lines name it.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

from sleap_rtc.events.log_lines import TOLD
from sleap_rtc.events.tracing import current
from sleap_rtc.observability.redaction import redacted_value
from sleap_rtc.settings.environments import RULES

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

    from sleap_rtc.settings.model import Environment

_NOISY = ("botocore", "aiobotocore", "urllib3", "asyncio", "uvicorn.error", "aioice", "aiortc", "websockets")


def _redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    # What begins with an underscore is structlog's own and is not written.
    return {
        name: value if name.startswith("_") else redacted_value(name, value) for name, value in event.items()
    }


def _name_the_span(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if span := current():
        event["trace_id"], event["span_id"] = span.context.trace_id, span.context.span_id
    return event


def _as_the_table_has_it(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    told = getattr(event.get("_record"), TOLD, None)
    return {**event, "message": event["event"], **told} if told else event


def configure_logs(part: str, environment: Environment) -> None:
    """Send the process's logs to standard error.

    Args:
        part: named in every line, such as `service`.
        environment: says whether they are JSON lines or plain text.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _name_the_span,
    ]
    as_json = RULES[environment].json_logs
    if as_json:
        shared.append(_as_the_table_has_it)
    shared.append(_redact)
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(default=str)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                lambda _, __, event: {"part": part, **event},
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
