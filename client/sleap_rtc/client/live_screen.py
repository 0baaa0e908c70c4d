"""Pure: the live view of a job as a screen of any size: what matters most has its place, the rest shares what
is left."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

from sleap_rtc.client import live_blocks as blocks
from sleap_rtc.client.loss_chart import LEAST_HEIGHT, LEAST_WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console, ConsoleOptions, RenderResult

    from sleap_rtc.client.live_model import LiveModel

_LEAST_CHART, _MOST_CHART = LEAST_HEIGHT + 2, 18
_MOST_ANSWERS = 3
_LEAST_LINES = 2


class LiveScreen:
    """Draws a job.

    Args:
        model: what is known of it.
        round_trip_s: returns how long a word to the worker takes there and back, in seconds.
        below: returns the line above the keys: what is asked, or what was said last.
        now: returns the time.
    """

    def __init__(
        self,
        model: LiveModel,
        round_trip_s: Callable[[], float | None] = lambda: None,
        below: Callable[[], Text] = Text,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._model = model
        self._round_trip_s = round_trip_s
        self._below = below
        self._now = now
        self.with_keys = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Fill the height that there is; to be looked at later, no more than is needed."""
        width = options.max_width
        height = options.height or console.height
        for line in self.lines(width, height):
            line.truncate(width, overflow="ellipsis")
            line.no_wrap = True
            yield line

    def lines(self, width: int, height: int) -> list[Text]:
        """Return the screen, no line of which has to be shown in full."""
        model = self._model
        head = blocks.head(model, self._round_trip_s(), width)
        notes = blocks.notes(model, self._now(), width)
        steps = blocks.steps(model, width)
        training = blocks.training(model, width)
        transfers = blocks.transfers(model, width)
        machine = blocks.machine(model)
        answers = blocks.answers(model, _MOST_ANSWERS, width)
        below = [self._below(), *blocks.keys(model, width)] if self.with_keys else []
        chart_wanted = _LEAST_CHART if model.curve is not None and width >= LEAST_WIDTH else 0
        # What has to go first where there is no room stands first.
        for block, least in ((machine, 0), (answers, 1), (head, 2), (steps, 0), (notes, 1)):
            fixed = sum(map(len, (head, notes, steps, training, transfers, machine, answers, below)))
            lacking = fixed + chart_wanted + _LEAST_LINES - height
            if lacking > 0:
                del block[max(least, len(block) - lacking) :]
        fixed = sum(map(len, (head, notes, steps, training, transfers, machine, answers, below)))
        chart_height = _chart_height(height - fixed) if chart_wanted else 0
        chart = blocks.chart(model, width, chart_height) if chart_height else []
        free = max(0, height - fixed - len(chart))
        log = [Text(line, "dim") for line in list(model.lines)[-free:]] if free else []
        filling = [Text()] * (free - len(log)) if self.with_keys else []
        shown = [*head, *steps, *notes, *training, *transfers, *chart, *machine, *log, *filling, *answers]
        return [*shown[: max(0, height - len(below))], *below][-height:]


def _chart_height(free: int) -> int:
    """Return how much of what is free the chart gets; the log has the rest."""
    if free < _LEAST_CHART:
        return 0
    return min(_MOST_CHART, max(_LEAST_CHART, free * 2 // 3))
