"""Pure: what the things that are billed cost, with the date and the place for which that holds.

The one place in which prices stand. List prices in US dollars, without free tiers, of us-east-1:
https://aws.amazon.com/s3/pricing (S3 Standard), https://aws.amazon.com/sqs/pricing (standard queues),
https://aws.amazon.com/sns/pricing (standard topics; deliveries to SQS are free), and of a hosted TURN relay:
https://www.twilio.com/en-us/stun-turn/pricing (United States; others are cheaper, such as 0.05 a gigabyte at
https://developers.cloudflare.com/realtime/turn, and one's own costs what its machine's traffic does).

A gigabyte is 10^9 bytes here, as it is wherever traffic is sold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

GB = 1_000_000_000
DAYS_A_MONTH = 365 / 12


@dataclass(frozen=True)
class PriceList:
    """Prices in US dollars.

    Attributes:
        as_of: the day for which they hold.
        place: where.
        s3_write: one PUT, COPY, POST or LIST.
        s3_read: one GET or HEAD.
        s3_gb_month: a gigabyte kept for a month.
        egress_gb: a gigabyte that leaves the cloud; what stays in the region is free, and so is what comes.
        sqs: one request of up to 64 KiB.
        sns: one publish of up to 64 KiB.
        relay_gb: a gigabyte through a TURN relay.
    """

    as_of: str
    place: str
    s3_write: float
    s3_read: float
    s3_gb_month: float
    egress_gb: float
    sqs: float
    sns: float
    relay_gb: float

    def with_relay(self, relay_gb: float) -> PriceList:
        """Return the list with the price of the relay that is used here."""
        return replace(self, relay_gb=relay_gb)


LIST_PRICES = PriceList(
    as_of="2026-11-01",
    place="us-east-1",
    s3_write=0.005 / 1_000,
    s3_read=0.0004 / 1_000,
    s3_gb_month=0.023,
    egress_gb=0.09,
    sqs=0.40 / 1_000_000,
    sns=0.50 / 1_000_000,
    relay_gb=0.40,
)
