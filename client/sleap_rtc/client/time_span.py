"""Pure: reads a span of time as people write it: `7d`, `12h`, `30min`, `90s`."""

from __future__ import annotations

import re
from datetime import timedelta

from sleap_rtc.storage.errors import InputError

_UNITS_S = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"([0-9]{1,9}) ?([a-z]+)", re.ASCII)


def parse_span(option: str, text: str) -> timedelta:
    """Return a span of time.

    Args:
        option: the option that it was given to, for the sentence.
        text: what was given.

    Raises:
        InputError: it cannot be read.
    """
    found = _SPAN.fullmatch(text.strip())
    if not found or found[2] not in _UNITS_S:
        raise InputError(message=f"{option} takes a time such as 7d, 12h or 30min; not {text!r}.")
    return timedelta(seconds=int(found[1]) * _UNITS_S[found[2]])
