"""Adapter: writes the lines of the table of log events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import logging

    from sleap_rtc.events.log_table import LogEvent

TOLD: Final = "sleap_rtc_told"
"""Where a record has the event's word and its fields, for whoever writes JSON."""


def log_event(log: logging.Logger, line: LogEvent, **fields: Any) -> None:
    """Write a line. It has the fields of the table, all of them and no others."""
    log.log(line.level, "%s", line.words.format(**fields), extra={TOLD: {"event": line.event, **fields}})
