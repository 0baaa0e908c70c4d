"""Pure: what the things that are billed cost, with the date and the place for which that holds.

The figures stand in `prices.toml` beside this file, or in the operator's own copy of it (`price_table`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from sleap_rtc.storage.document import what_is_wrong
from sleap_rtc.storage.errors import InputError

GB = 1_000_000_000
DAYS_A_MONTH = 365 / 12


class PriceTableWrong(InputError):
    """The price table {path} cannot be used: {why}. `sleap-rtc costs prices --packaged` prints one
    that can."""

    path: str
    why: str


@dataclass(frozen=True)
class PriceList:
    """Prices.

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
        currency: of all of them.
        sources: where they were read.
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
    currency: str = "USD"
    sources: tuple[str, ...] = ()

    def with_relay(self, relay_gb: float | None) -> PriceList:
        """Return the list with the price of the relay that is used here; None leaves it."""
        return self if relay_gb is None else replace(self, relay_gb=relay_gb)


Price = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False, strict=True)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _S3(_Section):
    per_1000_writes: Price
    per_1000_reads: Price
    per_gb_month: Price
    per_gb_out: Price


class _Sqs(_Section):
    per_million_requests: Price


class _Sns(_Section):
    per_million_publishes: Price


class _Turn(_Section):
    per_gb: Price


class _Table(_Section):
    as_of: Annotated[
        date, BeforeValidator(lambda day: date.fromisoformat(day) if isinstance(day, str) else day)
    ]
    place: Text
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    sources: tuple[Text, ...] = Field(min_length=1, max_length=20)
    s3: _S3
    sqs: _Sqs
    sns: _Sns
    turn: _Turn


def price_list(table: dict[str, object], path: str) -> PriceList:
    """Return the prices of a table.

    Args:
        table: what the file says.
        path: of the file, for the sentence.

    Raises:
        PriceTableWrong: a price is missing, is none, or has a name that there is not.
    """
    try:
        found = _Table.model_validate(table)
    except ValidationError as error:
        raise PriceTableWrong(path=path, why=what_is_wrong(error)) from error
    return PriceList(
        as_of=found.as_of.isoformat(),
        place=found.place,
        s3_write=found.s3.per_1000_writes / 1000,
        s3_read=found.s3.per_1000_reads / 1000,
        s3_gb_month=found.s3.per_gb_month,
        egress_gb=found.s3.per_gb_out,
        sqs=found.sqs.per_million_requests / 1_000_000,
        sns=found.sns.per_million_publishes / 1_000_000,
        relay_gb=found.turn.per_gb,
        currency=found.currency,
        sources=found.sources,
    )
