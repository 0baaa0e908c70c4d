"""Adapter: whether the packages that live peers need are installed, told without loading them."""

from __future__ import annotations

from importlib.util import find_spec


def engine_missing() -> str:
    """Return what is missing and how it is brought; empty if nothing is."""
    missing = [name for name in ("aiortc", "websockets") if find_spec(name) is None]
    return f"{' and '.join(missing)} not installed (pip install sleap-rtc[live])" if missing else ""
