"""What every panel of the dashboards should say of the measured run."""

from __future__ import annotations

from support.figures import cost, errors, events, live, transport, workers

FIGURES = errors.FIGURES | events.FIGURES | transport.FIGURES | live.FIGURES | workers.FIGURES | cost.FIGURES
"""By the question of the panel."""
