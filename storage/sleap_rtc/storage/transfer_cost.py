"""Pure: what it costs to bring a dataset to a worker and its model back, through S3 or from peer to peer.

    peer to peer   relay_share * relay_gb * (D + M) * w
    S3             puts * s3_write + gets * s3_read                         requests
                   + D * s3_gb_month * days / 30.4                          the dataset, until it is deleted
                   + D * e * (1 - h)                                        the dataset to the worker
                   + M * (egress_gb + s3_gb_month * months)                 the model, kept and pulled once

with D and M the gigabytes of dataset and model, e the price of egress (0 for a worker in the region of the
bucket), h the share of datasets that a worker has in its cache already, and w the bytes sent for each byte
needed: 1 for what goes on after a cut, 1 + f / (2 (1 - f)) for what begins anew after a share f of failures
at a uniformly distributed point. Bytes that go directly from peer to peer cost nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from sleap_rtc.storage.part_plan import LARGEST_OBJECT_BYTES, plan_parts, plan_ranges
from sleap_rtc.storage.price_list import DAYS_A_MONTH, GB, PriceList
from sleap_rtc.storage.price_table import LIST_PRICES


@dataclass(frozen=True)
class Transfer:
    """What is to be brought where.

    Attributes:
        dataset_bytes: to the worker.
        model_bytes: back from it.
        relay_share: how much of what goes from peer to peer goes through a relay, from 0 to 1.
        resent: bytes sent for each byte needed when going from peer to peer.
        in_region: whether the worker is in the region of the bucket.
        cached_share: of datasets that the worker has already.
        dataset_days: for how long the dataset is kept.
        model_months: for how long the model is.
        prices: what things cost.
    """

    dataset_bytes: int
    model_bytes: int = 0
    relay_share: float = 1.0
    resent: float = 1.0
    in_region: bool = False
    cached_share: float = 0.0
    dataset_days: float = 1.0
    model_months: float = 1.0
    prices: PriceList = field(default=LIST_PRICES)


@dataclass(frozen=True)
class TransferCost:
    """What both ways cost, in US dollars.

    Attributes:
        webrtc_usd: from peer to peer.
        s3_usd: through S3.
        break_even_relay_share: below this share of relayed bytes the peers' way is the cheaper one; above 1
            it always is.
    """

    webrtc_usd: float
    s3_usd: float
    break_even_relay_share: float

    @property
    def saving(self) -> float:
        """The share that S3 saves; negative where it costs more, -inf where the peers' way is free."""
        if not self.webrtc_usd:
            return -math.inf if self.s3_usd else 0.0
        return 1 - self.s3_usd / self.webrtc_usd


def transfer_cost(transfer: Transfer) -> TransferCost:
    """Return what a transfer costs either way."""
    prices = transfer.prices
    needed_gb = (transfer.dataset_bytes + transfer.model_bytes) / GB
    all_relayed = prices.relay_gb * needed_gb * transfer.resent
    s3_usd = _s3_usd(transfer)
    return TransferCost(
        webrtc_usd=transfer.relay_share * all_relayed,
        s3_usd=s3_usd,
        break_even_relay_share=s3_usd / all_relayed if all_relayed else math.inf,
    )


def _s3_usd(transfer: Transfer) -> float:
    prices = transfer.prices
    dataset_gb, model_gb = transfer.dataset_bytes / GB, transfer.model_bytes / GB
    egress = 0.0 if transfer.in_region else prices.egress_gb
    puts, gets = _requests(transfer.dataset_bytes, transfer.model_bytes)
    return (
        puts * prices.s3_write
        + gets * prices.s3_read
        + dataset_gb * prices.s3_gb_month * transfer.dataset_days / DAYS_A_MONTH
        + dataset_gb * egress * (1 - transfer.cached_share)
        + model_gb * (prices.egress_gb + prices.s3_gb_month * transfer.model_months)
    )


def _requests(*sizes_bytes: int) -> tuple[int, int]:
    """Return how many requests send and fetch these files; an upload is begun and completed, too."""
    there_are = [min(size_bytes, LARGEST_OBJECT_BYTES) for size_bytes in sizes_bytes if size_bytes]
    puts = sum(plan_parts(size_bytes).count + 2 for size_bytes in there_are)
    return puts, sum(plan_ranges(size_bytes).count for size_bytes in there_are)
