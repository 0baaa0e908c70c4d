"""Adapter: reads price tables: the one that is part of the product, or an operator's own file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from sleap_rtc.storage.price_list import PriceList, PriceTableWrong, price_list

PACKAGED = Path(__file__).with_name("prices.toml")
_MOST_BYTES = 64 * 1024


def read_prices(path: Path | None = None) -> PriceList:
    """Return the prices of a file; those that are part of the product where none is named.

    Raises:
        PriceTableWrong: it is not there, it is no TOML, or it is no price table.
    """
    if path is None:
        return LIST_PRICES
    try:
        with path.expanduser().open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise PriceTableWrong(path=str(path), why=f"it has more than {_MOST_BYTES:,} bytes")
        table = tomllib.loads(text.decode())
    except OSError as error:
        raise PriceTableWrong(path=str(path), why=error.strerror or str(error)) from error
    except ValueError as error:
        raise PriceTableWrong(path=str(path), why=f"it is no TOML ({error})") from error
    return price_list(table, str(path))


LIST_PRICES = price_list(tomllib.loads(PACKAGED.read_text()), str(PACKAGED))
"""The list prices that are part of the product."""
