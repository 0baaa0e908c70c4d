"""Orchestration: is the number of connections that ours chooses as good as the best fixed one?"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from figures import Report, Table, ratio_figure
from ground import BUCKET, MIB
from link import Behaviour
from pacing import Pace
from processes import run
from strikes import Refuse, Strike

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ground import Ground
    from scale import Scale
    from traffic import Exchange

BAR = 1.1
MOST_CONNECTIONS = 4


def links(ground: Ground, fixed_driver: Path, scale: Scale) -> Report:
    """Send a file over each link, ours and the driver with each fixed number of connections.

    What is compared is the time from the first body to the end of the last, as the link saw it, so that
    neither loading nor the service counts.

    Args:
        ground: the store.
        fixed_driver: a Python program that is called with COUNT FILE ENDPOINT BUCKET KEY.
        scale: sizes and rates.
    """
    file = ground.file("links.bin", scale.links_mib * MIB)
    found = Report()
    rows: list[tuple[str | float, ...]] = []
    link = ground.link
    route = ground.route(link.url)
    for name, behaviour in _shapes(scale).items():
        seconds: dict[int, float] = {}
        for count in scale.fixed_counts:
            traffic = link.behave(behaviour())
            driver = [sys.executable, str(fixed_driver), str(count), str(file), link.url, BUCKET, "fixed"]
            run(driver, route.cloud)
            seconds[count] = traffic.seconds()
        traffic = link.behave(behaviour())
        run(route.put(file, route.room()), route.client)
        ours = traffic.seconds()
        best = min(seconds, key=lambda count: seconds[count])
        found.figures.append(ratio_figure(f"link: {name}", ours, "s", f"fixed at {best}", seconds[best], BAR))
        rows.append((name, *seconds.values(), ours, traffic.busiest))
        ground.clear()
    file.unlink()
    header = ("", *(f"FIXED {count}" for count in scale.fixed_counts), "OURS", "OURS AT MOST AT ONCE")
    found.tables.append(Table(f"{scale.links_mib} MiB over shaped links, seconds", header, rows))
    return found


class Overload:
    """A store that takes so many bodies at once and answers 503 to the others."""

    def __init__(self) -> None:
        self._taken: list[Exchange] = []
        self._lock = threading.Lock()

    def __call__(self, exchange: Exchange) -> Strike | None:
        """Return how a request is struck."""
        if not exchange.is_body:
            return None
        with self._lock:
            self._taken = [other for other in self._taken if not other.ended_s]
            if len(self._taken) >= MOST_CONNECTIONS:
                return Refuse()
            self._taken.append(exchange)
            return None


def _shapes(scale: Scale) -> dict[str, Callable[[], Behaviour]]:
    each, shared = scale.connection_bytes_s, scale.shared_bytes_s
    shapes = {
        f"{each / 1e6:.0f} MB/s each connection": lambda: Behaviour(connection_bytes_s=each),
        f"{shared / 1e6:.0f} MB/s shared by all": lambda: Behaviour(shared=Pace(shared)),
        f"503 above {MOST_CONNECTIONS} at once": lambda: Behaviour(Overload(), connection_bytes_s=each),
    }
    return dict(list(shapes.items())[-scale.links :])
