"""Pure: what happens to a job as objects for scripts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, assert_never

from sleap_rtc.client.live_items import EventsMissed, Item, JobSeen, LinkState, LogRead, Over, ServiceAway
from sleap_rtc.events.job_progress import Told

if TYPE_CHECKING:
    from pydantic import BaseModel


def live_line(item: Item) -> dict[str, Any]:
    """Return an item as an object: `type` says which."""
    match item:
        case Told():
            told = _plain(item)
            line = {"type": "event", **{name: told[name] for name in ("run", "seq", "at", "event")}}
        case LinkState():
            line = {"type": "link", "link": str(item.link), "why": item.why, "worker": item.peer_id}
        case JobSeen():
            line = {"type": "job", "job": _plain(item.job)}
        case EventsMissed():
            line = {"type": "missed", "run": item.run}
        case LogRead():
            line = {"type": "log", "text": item.text}
        case ServiceAway():
            line = {"type": "service", "away": bool(item.text), "text": item.text}
        case Over():
            line = {"type": "over", "state": str(item.job.state)}
        case _:
            assert_never(item)
    return line


def _plain(model: BaseModel) -> dict[str, Any]:
    """Return a model as JSON has it: a loss that is no number is a string."""
    plain: dict[str, Any] = json.loads(model.model_dump_json())
    return plain
