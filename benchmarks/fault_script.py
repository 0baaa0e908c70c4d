"""Pure: which upload of the fault run is struck how: each in one way, several times."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from strikes import FalseSuccess, LoseReply, Refuse, Reset, Strike, Swallow, TruncateBody, TruncateReply

if TYPE_CHECKING:
    from traffic import Exchange

MIB = 1024 * 1024
PART, COMPLETE = "part", "complete"
# The strikes on the first parts of an upload, and those on its completion.
_SCENARIOS: dict[str, dict[str, tuple[Strike, ...]]] = {
    "resets": {PART: (Reset(), Reset(MIB), Reset(3 * MIB)), COMPLETE: (Reset(),)},
    "503 SlowDown": {PART: (Refuse(),) * 5, COMPLETE: (Refuse(),)},
    "truncated bodies": {PART: (TruncateBody(),) * 2, COMPLETE: (TruncateReply(),)},
    "200 with an error": {COMPLETE: (FalseSuccess(),) * 2},
    "lost replies": {PART: (LoseReply(),) * 2, COMPLETE: (LoseReply(),)},
    "blackholes": {PART: (Swallow(),)},
}


class FaultScript:
    """Gives each object that is uploaded the next scenario, and takes note.

    Args:
        blackholes: whether connections that take everything and never answer are among them.
    """

    def __init__(self, *, blackholes: bool) -> None:
        self._names = [name for name in _SCENARIOS if blackholes or name != "blackholes"]
        self._left: dict[str, dict[str, list[Strike]]] = {}
        self._lock = threading.Lock()
        self.scenario_of: dict[str, str] = {}
        self.struck: dict[str, int] = {}

    def __call__(self, exchange: Exchange) -> Strike | None:
        """Return how a request is struck."""
        operation = _operation(exchange)
        if operation is None:
            return None
        key = urlsplit(exchange.target).path
        with self._lock:
            if key not in self._left:
                name = self._names[len(self._left) % len(self._names)]
                self.scenario_of[key] = name
                self._left[key] = {what: list(strikes) for what, strikes in _SCENARIOS[name].items()}
            left = self._left[key].get(operation)
            if not left:
                return None
            name = self.scenario_of[key]
            self.struck[name] = self.struck.get(name, 0) + 1
            return left.pop(0)


def _operation(exchange: Exchange) -> str | None:
    query = parse_qs(urlsplit(exchange.target).query, keep_blank_values=True)
    if exchange.method == "PUT" and "partNumber" in query:
        return PART
    if exchange.method == "POST" and "uploadId" in query:
        return COMPLETE
    return None
