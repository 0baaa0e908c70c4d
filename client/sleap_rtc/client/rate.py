"""Pure: reads a rate as people write it: `5MB`, `800kB`, `2MiB`, each of bytes a second."""

from __future__ import annotations

import re

from sleap_rtc.storage.errors import InputError

_UNITS = {"": 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_UNITS |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_RATE = re.compile(r"([0-9]{1,15}(?:\.[0-9]+)?) ?([A-Za-z]*)(?:/s)?", re.ASCII)
_SMALLEST_BYTES_PER_S = 1000


def parse_rate(text: str) -> int:
    """Return a rate in bytes per second; 0 stands for no limit.

    Raises:
        InputError: it cannot be read, or is less than 1 kB a second, which a forgotten unit looks like.
    """
    found = _RATE.fullmatch(text.strip())
    if not found or found[2] not in _UNITS:
        raise InputError(
            message=f"--limit takes bytes a second, such as 5MB, 800kB or 2MiB (0: no limit); not {text!r}."
        )
    rate = round(float(found[1]) * _UNITS[found[2]])
    if rate < _SMALLEST_BYTES_PER_S and float(found[1]) > 0:
        raise InputError(
            message=f"--limit {text} is too slow to send anything. Give at least 1kB, or a unit such as MB."
        )
    return rate
