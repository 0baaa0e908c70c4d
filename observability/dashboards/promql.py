"""Pure: expressions of PromQL from the table of metrics: what is not in it cannot be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.observability.instrument import Kind

if TYPE_CHECKING:
    from sleap_rtc.observability.instrument import Instrument

WINDOW = "$__rate_interval"
"""Grafana puts in four scrapes, or what a pixel is wide."""
RANGE = "$__range"
"""Grafana puts in how long a time the dashboard shows."""

Value = str | tuple[str, ...]


def series(instrument: Instrument, suffix: str = "", /, **labels: Value) -> str:
    """Return a selector; a value that starts with `!` is one that a label must not have.

    Raises:
        ValueError: the metric has no such label, or the label never that value.
    """
    matchers = []
    known = {label.name: label for label in instrument.labels}
    for name, value in labels.items():
        values = (value,) if isinstance(value, str) else value
        if name not in known or {one.lstrip("!") for one in values} - known[name].values:
            raise ValueError(f"{instrument.name} has no {name} {value}")
        if isinstance(value, tuple):
            matchers.append(f'{name}=~"{"|".join(value)}"')
        elif value.startswith("!"):
            matchers.append(f'{name}!="{value[1:]}"')
        else:
            matchers.append(f'{name}="{value}"')
    return f"{instrument.prometheus}{suffix}" + (f"{{{','.join(matchers)}}}" if matchers else "")


def _sum(by: tuple[str, ...], what: str) -> str:
    return f"sum by ({', '.join(by)}) ({what})" if by else f"sum({what})"


def _counted(instrument: Instrument) -> str:
    if instrument.kind is Kind.GAUGE:
        raise ValueError(f"{instrument.name} is a gauge")
    return "_count" if instrument.kind is Kind.HISTOGRAM else ""


def growth(selector: str, window: str, offset: str = "") -> str:
    """Return by how much each series grew, the first steps of a new one among them.

    `increase` alone does not know that a counter was 0 before it was first seen, and a command that pushes
    once, at its end, is seen once. What was not there in the day before the window counts in full.
    """
    before = f" offset {offset}" if offset else ""
    known = f"present_over_time({selector}[1d] offset {offset}{window})"
    grew = f"increase({selector}[{window}]{before})"
    return f"(max_over_time({selector}[{window}]{before}) unless {known}) or {grew}"


def grown(instrument: Instrument, *by: str, window: str = RANGE, offset: str = "", **labels: Value) -> str:
    """Return by how much a counter grew, or how often a histogram was told something."""
    return _sum(by, growth(series(instrument, _counted(instrument), **labels), window, offset))


def per_second(instrument: Instrument, *by: str) -> str:
    """Return how fast a counter grew in the last minute, with what commands pushed at their end."""
    return f"{grown(instrument, *by, window='1m')} / 60"


def orzero(expr: str) -> str:
    """Return 0 where there is nothing: nothing happened, which is an answer."""
    return f"{expr} or vector(0)"


def share(part: str, whole: str) -> str:
    """Return one expression as a share of another; 0 of something is 0, and nothing is no share at all."""
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def quantile(which: float, instrument: Instrument, *by: str, window: str = WINDOW, **labels: Value) -> str:
    """Return a quantile of a histogram."""
    return f"histogram_quantile({which}, {buckets(instrument, *by, window=window, **labels)})"


def mean(instrument: Instrument, *by: str, window: str = WINDOW, **labels: Value) -> str:
    """Return the mean of what a histogram was told."""
    total = _sum(by, growth(series(instrument, "_sum", **labels), window))
    return share(total, grown(instrument, *by, window=window, offset="", **labels))


def buckets(instrument: Instrument, *by: str, window: str = WINDOW, **labels: Value) -> str:
    """Return what came into a histogram's buckets, as a quantile and a heatmap want it."""
    if instrument.kind is not Kind.HISTOGRAM:
        raise ValueError(f"{instrument.name} is no histogram")
    return _sum((*by, "le"), growth(series(instrument, "_bucket", **labels), window))


def most(instrument: Instrument, *by: str, **labels: Value) -> str:
    """Return the highest of what the processes say of one thing that they all see, such as a queue."""
    return (
        f"max by ({', '.join(by)}) ({series(instrument, **labels)})"
        if by
        else (f"max({series(instrument, **labels)})")
    )


def total(instrument: Instrument, *by: str, **labels: Value) -> str:
    """Return what the processes' gauges come to together."""
    return _sum(by, series(instrument, **labels))
