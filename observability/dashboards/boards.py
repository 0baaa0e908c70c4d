"""Pure: all dashboards, in the order in which one would look."""

from __future__ import annotations

from dashboards import cost, errors, events, live, transport, workers

BOARDS = (errors.BOARD, events.BOARD, transport.BOARD, live.BOARD, workers.BOARD, cost.BOARD)
