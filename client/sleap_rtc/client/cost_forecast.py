"""Pure: what a planned job will cost, as it is printed."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from sleap_rtc.events.cost_api import Forecast, PricesView
from sleap_rtc.storage.cost import cost_of
from sleap_rtc.storage.forecast import forecast
from sleap_rtc.storage.relay_alternative import relay_cost

if TYPE_CHECKING:
    from sleap_rtc.storage.forecast import PlannedJob
    from sleap_rtc.storage.price_list import PriceList
    from sleap_rtc.storage.relay_alternative import Assumptions


def forecast_of(planned: PlannedJob, prices: PriceList, assumed: Assumptions) -> Forecast:
    """Return it, and what the same job would cost over TURN."""
    usage, stored = forecast(planned)
    cost = cost_of(usage, prices, stored)
    needed = (0 if planned.shared else planned.dataset_bytes) + planned.made_bytes
    relay = relay_cost(needed, assumed, prices)
    return Forecast(
        prices=PricesView(**{each.name: getattr(prices, each.name) for each in fields(prices)}),
        usage=usage,
        stored_gb_months=stored,
        cost=cost.by_kind(),
        total=cost.total,
        relay=relay,
        saving=relay - cost.total,
        assumptions=(*planned.words(), *assumed.words(prices)),
    )
