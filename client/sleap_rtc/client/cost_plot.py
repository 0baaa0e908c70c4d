"""Adapter: what jobs cost as a picture, by matplotlib where it is installed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from sleap_rtc.client.cost_display import KINDS
from sleap_rtc.client.model_errors import PlotMissing
from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.events.cost_api import RoomCosts

_INCHES = (9.0, 4.8)
_DPI = 150
_MOST_BARS = 40


def plot_costs(costs: RoomCosts, path: Path) -> None:
    """Draw what each job cost, kind by kind, and beside it what it would have cost over TURN.

    Raises:
        PlotMissing: matplotlib is not installed.
        InputError: the picture cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise PlotMissing from error
    figure = Figure(_INCHES, layout="constrained")
    axes = figure.subplots()
    jobs = costs.jobs[-_MOST_BARS:]
    places = range(len(jobs))
    bottom = [0.0] * len(jobs)
    for kind, name in KINDS.items():
        heights = [job.bill.cost.get(kind, 0.0) for job in jobs]
        if any(heights):
            axes.bar(places, heights, 0.6, bottom, label=name)
            bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
    axes.plot(places, [job.relay for job in jobs], "k_", markersize=14, label="over TURN, as assumed")
    axes.set_xticks(list(places), [f"…{job.job_id[-4:]}" for job in jobs], rotation=60)
    axes.set_ylabel(costs.prices.currency)
    axes.set_title(f"Room {costs.room_id} since {costs.since:%Y-%m-%d}", loc="left")
    axes.legend(frameon=False)
    content = io.BytesIO()
    figure.savefig(content, format=path.suffix[1:].lower(), dpi=_DPI)
    try:
        path.write_bytes(content.getvalue())
    except OSError as error:
        raise InputError(message=f"{path} cannot be written: {error.strerror}.") from error
