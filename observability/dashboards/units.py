"""Pure: values with their units, about as Grafana writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def spelled(value: float, unit: str) -> str:
    """Return a value with one of Grafana's units."""
    return _UNITS[unit](value)


def _scaled(by: int, *names: str) -> Callable[[float], str]:
    def scaled(value: float) -> str:
        power = 0
        while abs(value) >= by and power < len(names) - 1:
            value, power = value / by, power + 1
        return f"{value:.3g} {names[power]}".rstrip()

    return scaled


def _duration(value: float) -> str:
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if abs(value) >= size:
            return f"{value / size:.3g} {name}"
    return f"{value * 1000:.3g} ms"


def _dollars(value: float) -> str:
    return f"${value:.2f}" if abs(value) >= 1 or value == 0 else f"${value:.2g}"


_UNITS: dict[str, Callable[[float], str]] = {
    "bytes": _scaled(1024, "B", "KiB", "MiB", "GiB", "TiB"),
    "Bps": _scaled(1000, "B/s", "kB/s", "MB/s", "GB/s"),
    "reqps": lambda value: f"{value:.3g}/s",
    "s": _duration,
    "percentunit": lambda value: f"{value * 100:.3g}%",
    "currencyUSD": _dollars,
    "celsius": lambda value: f"{value:.0f} °C",
    "short": _scaled(1000, "", "k", "M", "G"),
}
