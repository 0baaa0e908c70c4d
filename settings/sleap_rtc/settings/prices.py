"""Adapter: the prices that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage.price_table import read_prices

if TYPE_CHECKING:
    from sleap_rtc.settings.model import Settings
    from sleap_rtc.storage.price_list import PriceList


def prices_of(settings: Settings) -> PriceList:
    """Return the price table, with the relay's own price where it is set. Raises PriceTableWrong."""
    return read_prices(settings.price_table).with_relay(settings.relay_usd_per_gb)
