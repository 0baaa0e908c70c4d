from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.storage.price_list import GB
from sleap_rtc.storage.price_table import LIST_PRICES
from sleap_rtc.storage.transfer_cost import Transfer, transfer_cost

FIVE_GB = Transfer(5 * GB, GB // 2)
SIZES = st.integers(0, 10**13)
SHARES = st.floats(0, 1)
PRICES = st.floats(0, 5)


@pytest.mark.parametrize(
    ("relay_usd", "relay_share", "resent", "off_region", "half_cached", "in_region"),
    [
        (0.40, 1.0, 1.5, 84, 91, 98),
        (0.40, 0.5, 1.0, 53, 74, 94),
        (0.40, 0.2, 1.5, 22, 57, 91),
        (0.40, 0.2, 1.0, -16, 35, 86),
        (0.05, 1.0, 1.5, -24, 30, 85),
        (0.05, 0.2, 1.0, -831, -422, -13),
    ],
)
def test_five_gigabytes_cost_what_the_published_table_says(
    relay_usd: float, relay_share: float, resent: float, off_region: int, half_cached: int, in_region: int
) -> None:
    prices = replace(LIST_PRICES, relay_gb=relay_usd)
    base = replace(FIVE_GB, relay_share=relay_share, resent=resent, prices=prices)
    for transfer, percent in [
        (base, off_region),
        (replace(base, cached_share=0.5), half_cached),
        (replace(base, in_region=True), in_region),
    ]:
        cost = transfer_cost(transfer)
        # How many requests and days the table counts it does not say; they cost less than half a cent.
        assert 100 * cost.saving == pytest.approx(percent, abs=1 + 100 * 0.005 / cost.webrtc_usd)


def test_a_direct_path_costs_nothing() -> None:
    cost = transfer_cost(replace(FIVE_GB, relay_share=0))
    assert cost.webrtc_usd == 0
    assert cost.saving == -math.inf


def test_an_empty_dataset_costs_nothing_either_way() -> None:
    cost = transfer_cost(Transfer(0))
    assert (cost.webrtc_usd, cost.s3_usd, cost.saving) == (0, 0, 0)


def test_most_of_what_s3_costs_is_egress() -> None:
    whole = transfer_cost(FIVE_GB).s3_usd
    assert transfer_cost(replace(FIVE_GB, in_region=True)).s3_usd < 0.15 * whole


@given(SIZES, SIZES, PRICES, st.floats(0.01, 1))
def test_at_the_break_even_share_both_ways_cost_the_same(
    dataset: int, model: int, price: float, resent: float
) -> None:
    transfer = Transfer(dataset, model, resent=1 + resent, prices=replace(LIST_PRICES, relay_gb=price))
    share = transfer_cost(transfer).break_even_relay_share
    if share <= 1:
        cost = transfer_cost(replace(transfer, relay_share=share))
        assert cost.webrtc_usd == pytest.approx(cost.s3_usd)


@given(SIZES, SHARES, PRICES, PRICES)
def test_a_dearer_relay_makes_only_the_peers_way_dearer(
    size: int, share: float, price: float, more: float
) -> None:
    cheap = transfer_cost(Transfer(size, relay_share=share, prices=replace(LIST_PRICES, relay_gb=price)))
    dear = transfer_cost(
        Transfer(size, relay_share=share, prices=replace(LIST_PRICES, relay_gb=price + more))
    )
    assert dear.webrtc_usd >= cheap.webrtc_usd
    assert dear.s3_usd == cheap.s3_usd
