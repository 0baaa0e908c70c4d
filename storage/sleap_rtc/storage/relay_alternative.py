"""Pure: what a job would have cost with its bytes from peer to peer, some of them through a TURN relay.

    relay_share * relay_gb * (dataset + results) * resent

Nobody can measure what did not happen, so every figure in it but the sizes is an assumption, and is printed.
The dataset counts once for each job, since a peer keeps none for the next; its results count once.
"""

from __future__ import annotations

from dataclasses import dataclass

from sleap_rtc.storage.price_list import GB, PriceList

ASSUMED_RELAY_SHARE = 0.2
ASSUMED_RESENT = 1.0


@dataclass(frozen=True)
class Assumptions:
    """What is taken to hold.

    Attributes:
        relay_share: how much of what goes from peer to peer goes through a relay, from 0 to 1.
        resent: bytes sent for each byte needed: 1 for what goes on after a cut, more for what begins anew.
    """

    relay_share: float = ASSUMED_RELAY_SHARE
    resent: float = ASSUMED_RESENT

    def words(self, prices: PriceList) -> tuple[str, ...]:
        """Say what is assumed, a sentence each."""
        price = f"{prices.relay_gb:g} {prices.currency} a gigabyte"
        return (
            f"Prices are those of {prices.as_of} for {prices.place}, without free tiers.",
            f"Over TURN, {self.relay_share:.0%} of the bytes would have gone through a relay at {price}.",
            f"Over TURN, {self.resent:g} bytes would have been sent for each byte that was needed.",
            "Over TURN, each job's dataset would have gone to a worker once, and what it made back once.",
            "What the signaling and a relay of one's own cost while nobody uses them is left out.",
        )


def relay_cost(needed_bytes: int, assumed: Assumptions, prices: PriceList) -> float:
    """Return what these bytes would have cost."""
    return assumed.relay_share * prices.relay_gb * needed_bytes / GB * assumed.resent
