"""`sleap-rtc jobs attach --json` under way: what a worker told of its job, in the order in which it came."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sleap_rtc.events.job_progress import Told, must_arrive
from support.product import eventually
from support.running import Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from support.product import Product

PATIENCE_S = 240


def told_in(lines: Iterable[str]) -> list[Told]:
    """Return what a worker told, and fail if something of weight came twice or out of order."""
    objects = [json.loads(line) for line in lines]
    told = [Told.model_validate({"v": 1, **each}) for each in objects if each.pop("type") == "event"]
    numbers = [(each.run, each.seq) for each in told if must_arrive(each.event)]
    assert numbers == sorted(set(numbers))
    return told


class Attached(Running):
    """Somebody who watches a job from wherever it is to its end, over all its workers."""

    def __init__(self, product: Product, room: str, job_id: str) -> None:
        super().__init__(product, "jobs", "attach", job_id, "-r", room, "--json")

    @property
    def seen(self) -> int:
        """How much there is to read by now."""
        return len(self.lines)

    def heard(self, after: int = 0, before: int | None = None) -> list[Told]:
        """Return what was told behind the first lines."""
        return told_in(self.lines[after:before])

    def sees(self, wanted: Callable[[Told], bool], after: int = 0) -> Told:
        """Wait until something of which this holds is told behind the first lines."""
        found: list[Told] = []
        read = after

        def come() -> bool:
            nonlocal read
            new = self.lines[read:]
            read += len(new)
            found.extend(filter(wanted, told_in(new)))
            return bool(found)

        eventually(come, PATIENCE_S)
        return found[0]
