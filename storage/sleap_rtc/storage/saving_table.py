"""Pure: for which prices, relay shares and workers S3 saves how much against TURN.

For one job that is fixed but for the relay share p, S3 costs S and relaying every byte costs R, so S3 saves
1 - S / (p R), and saves a share s where p = S / (R (1 - s)).
"""

from __future__ import annotations

from dataclasses import dataclass

from sleap_rtc.storage.price_list import GB, PriceList
from sleap_rtc.storage.transfer_cost import Transfer, transfer_cost

CLAIMED = (0.40, 0.70)
"""What the plan of the project promised: bandwidth costs reduced by 40 to 70%."""
DATASET_BYTES, MODEL_BYTES = 5 * GB, GB // 2
CASES = (
    (0.40, 1.0, 1.5),
    (0.40, 0.5, 1.0),
    (0.40, 0.2, 1.5),
    (0.40, 0.2, 1.0),
    (0.05, 1.0, 1.5),
    (0.05, 0.2, 1.0),
)
"""Price of a relayed gigabyte, relay share, and bytes sent for each that is needed."""
WORKERS = {
    "elsewhere": (False, 0.0),
    "elsewhere, every other dataset cached": (False, 0.5),
    "in the buckets' region": (True, 0.0),
}
"""Whether it is in the region, and which share of datasets it has already."""


@dataclass(frozen=True)
class Saving:
    """What S3 saves in one case.

    Attributes:
        relay_gb: the price of a relayed gigabyte.
        relay_share: how much goes through the relay.
        resent: bytes sent for each byte needed.
        worker: where it is.
        saving: the share of TURN's cost that S3 saves; below 0 S3 is the dearer one.
        verdict: how that compares to what was claimed: `more`, `as claimed`, `less`, or `S3 costs more`.
    """

    relay_gb: float
    relay_share: float
    resent: float
    worker: str
    saving: float

    @property
    def verdict(self) -> str:
        """How that compares to the claim."""
        if self.saving < 0:
            return "S3 costs more"
        if self.saving < CLAIMED[0]:
            return "less"
        return "as claimed" if self.saving <= CLAIMED[1] else "more"


@dataclass(frozen=True)
class Holds:
    """Between which relay shares the claim holds; above 1 there are none.

    Attributes:
        relay_gb: the price of a relayed gigabyte.
        resent: bytes sent for each byte needed.
        worker: where it is.
        dearer_below: below this share S3 costs more than TURN.
        from_share: from here on it saves as much as was claimed at least.
        to_share: beyond it saves more than was claimed.
    """

    relay_gb: float
    resent: float
    worker: str
    dearer_below: float
    from_share: float
    to_share: float


def savings(prices: PriceList) -> list[Saving]:
    """Return every case of the table."""
    return [
        Saving(
            price,
            share,
            resent,
            worker,
            transfer_cost(_transfer(prices, price, share, resent, worker)).saving,
        )
        for price, share, resent in CASES
        for worker in WORKERS
    ]


def where_it_holds(prices: PriceList) -> list[Holds]:
    """Return for each relay price and worker between which relay shares the claim holds."""
    found = []
    for price, resent in sorted({(price, resent) for price, _, resent in CASES}, reverse=True):
        for worker in WORKERS:
            even = transfer_cost(_transfer(prices, price, 1.0, resent, worker)).break_even_relay_share
            least, most = CLAIMED
            found.append(Holds(price, resent, worker, even, even / (1 - least), even / (1 - most)))
    return found


def _transfer(prices: PriceList, relay_gb: float, share: float, resent: float, worker: str) -> Transfer:
    in_region, cached = WORKERS[worker]
    return Transfer(
        DATASET_BYTES, MODEL_BYTES, share, resent, in_region, cached, prices=prices.with_relay(relay_gb)
    )
