"""Adapter: logs, readable on a terminal and as JSON in production, with secrets taken out.

The inner parts log through the standard library; here it is decided how that looks. A presigned URL is a
bearer secret, so the query of every URL is removed, and so is what follows `Bearer`.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING

import structlog

from sleap_rtc.settings.environments import RULES

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

    from sleap_rtc.settings.model import Environment

_SECRETS = (
    (re.compile(r"(/[^\s?\"']*)\?[^\s\"']+"), r"\1?[redacted]"),
    (re.compile(r"(?i)(bearer )[A-Za-z0-9._~+/=-]+"), r"\1[redacted]"),
)
_NOISY = ("botocore", "aiobotocore", "urllib3", "asyncio", "uvicorn.error", "aioice", "aiortc", "websockets")


def redacted(text: str) -> str:
    """Return the text without what would let a reader act as somebody else."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def _redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: redacted(value) if isinstance(value, str) else value for key, value in event.items()}


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
        _redact,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if RULES[environment].json_logs
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
