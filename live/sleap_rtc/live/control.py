"""Orchestration: hands each message on `ctl` to the part that its operation belongs to.

What belongs to nobody is refused; a peer that goes on with it is shown the door.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sleap_rtc.live.file_requests import id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sleap_rtc.live.peer_session import PeerSession

MOST_CONTROL_CHARACTERS = 16_384
MOST_REFUSALS = 32


class Control:
    """The `ctl` channel of one session, shared by several parts.

    Args:
        session: whose channel it is.
    """

    def __init__(self, session: PeerSession) -> None:
        self._session = session
        self._takers: dict[str, Callable[[str], None]] = {}
        self._refusals = 0

    def on(self, operations: Iterable[str], take: Callable[[str], None]) -> None:
        """Have messages with these operations handed to `take`, which must not block."""
        for operation in operations:
            self._takers[operation] = take

    def listen(self) -> None:
        """Begin, once everybody has said what is his."""
        self._session.ctl.listen(self._came)

    def send(self, text: str) -> None:
        """Say something. Raises PeerLost."""
        self._session.ctl.send(text)

    def refuse(self, id_: int, code: str, why: str) -> None:
        """Say no, with a reason. Raises PeerLost."""
        self._refusals += 1
        said = {"v": 1, "op": "refused", "id": id_, "code": code, "why": why[:300]}
        self._session.ctl.send(json.dumps(said))
        if self._refusals >= MOST_REFUSALS:
            self._session.end(f"it asked {MOST_REFUSALS} times for what it was not given")

    def _came(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.refuse(0, "malformed", "requests are text")
            return
        if len(message) > MOST_CONTROL_CHARACTERS:
            self.refuse(0, "malformed", f"it has {len(message)} characters")
            return
        try:
            content = json.loads(message)
        except (ValueError, RecursionError):
            self.refuse(0, "malformed", "it is not JSON")
            return
        operation = content.get("op") if isinstance(content, dict) else None
        taker = self._takers.get(operation) if isinstance(operation, str) else None
        if taker is None:
            self.refuse(id_of(content), "unknown_operation", f"there is no operation {operation!r:.60}")
        else:
            taker(message)
