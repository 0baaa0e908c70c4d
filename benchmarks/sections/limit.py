"""Orchestration: does an upload keep to the bandwidth that it was given?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from figures import Figure, Report, Table
from link import Behaviour
from processes import run

if TYPE_CHECKING:
    from ground import Ground
    from traffic import Traffic

SETTING = "SLEAP_RTC_BANDWIDTH_LIMIT"
BAR_PERCENT = 5.0


def limit(ground: Ground, limit_bytes_s: int, over_s: int) -> Report:
    """Upload for a little longer than `over_s` with the setting, and count what arrived in that time."""
    file = ground.file("limit.bin", int(limit_bytes_s * over_s * 1.1))
    route = ground.route(ground.link.url)
    traffic = ground.link.behave(Behaviour())
    run(route.put(file, route.room()), {**route.client, SETTING: str(limit_bytes_s)})
    file.unlink()
    ground.clear()
    rate = _rate_bytes_s(traffic, over_s)
    ratio = rate / limit_bytes_s
    off_percent = abs(ratio - 1) * 100
    peer = f"{limit_bytes_s / 1e6} MB/s as asked"
    name = f"off {SETTING}, over {over_s} s"
    figure = Figure(name, off_percent, "%", peer, ratio, BAR_PERCENT, off_percent <= BAR_PERCENT)
    seconds = [
        (second, _bytes_until(traffic, second + 1) - _bytes_until(traffic, second))
        for second in range(min(over_s, int(traffic.seconds()) + 1))
    ]
    rows = [(f"second {second + 1}", size_bytes / 1e6) for second, size_bytes in seconds]
    return Report([figure], [Table(f"upload limited to {limit_bytes_s / 1e6} MB/s", ("", "MB"), rows)])


def _rate_bytes_s(traffic: Traffic, over_s: int) -> float:
    """Return the mean rate over the time asked for, or over the whole upload where that was shorter."""
    return _bytes_until(traffic, over_s) / min(over_s, traffic.seconds())


def _bytes_until(traffic: Traffic, second: float) -> int:
    begun_s = min(body.begun_s for body in traffic.bodies)
    return sum(size for at_s, size in traffic.arrivals if at_s <= begun_s + second)
