"""Pure: what is said of a room's models, and what people type to change them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sleap_rtc.events.registry_api import LONGEST_GRACE_H
from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sleap_rtc.events.registry_api import ModelDetails
    from sleap_rtc.storage.manifest import ManifestModel

_LOSSES = ("best_val_loss", "val_loss", "final_val_loss")
_GRACE = re.compile(r"(?P<count>[0-9]{1,6}(?:\.[0-9]{1,3})?) ?(?P<unit>h|d)")
_TAKES_A_VALUE = {"-r", "--room-id", "--room_id", "--add", "--remove"}
_SIGNS = {"+": "--add", "-": "--remove"}


def error_of(metrics: Mapping[str, Any]) -> str:
    """Return how far off a model is: in pixels where its trainer said so, else its validation loss."""
    pixels = metrics.get("val_error_px")
    if isinstance(pixels, float | int):
        return f"{pixels:.2f} px"
    loss = next((metrics[name] for name in _LOSSES if isinstance(metrics.get(name), float | int)), None)
    return "" if loss is None else f"loss {loss:.3g}"


def count(number: int, noun: str) -> str:
    """Return so many of something: `1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def holders(model: ManifestModel) -> str:
    """Return the workers that can serve a model now."""
    return ", ".join(str(holder.get("worker_id", "")) for holder in model.availability.cached_on_workers)


def names(details: ModelDetails) -> list[str]:
    """Return all that a model goes by besides its id."""
    return [*details.aliases, *(f"{name}@{number}" for name, number in details.versions.items())]


def title(details: ModelDetails) -> str:
    """Return what to call a model in a picture: the first of its names, and its id."""
    called = next(iter(names(details)), details.model.model_type)
    return f"{called} ({details.model.id})"


def flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield single values with the names of what they lie in: `backbone.filters`."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", f"{value:.6g}" if isinstance(value, float) else str(value)


def parse_grace(text: str) -> float:
    """Return a time in hours: `24h`, `7d`.

    Raises:
        InputError: it cannot be read, is less than an hour or more than a year.
    """
    found = _GRACE.fullmatch(text.strip())
    hours = float(found["count"]) * (24 if found["unit"] == "d" else 1) if found else 0.0
    if not 1 <= hours <= LONGEST_GRACE_H:
        raise InputError(message=f"--grace takes hours or days, from 1h to 365d, such as 24h; not {text!r}.")
    return hours


def tag_options(words: Iterable[str]) -> Iterator[str]:
    """Yield what was typed, with `+good` and `-old` as the options that they are short for.

    `-r` is the room's option as everywhere; the tag r is taken off by `--remove r`.
    """
    is_value = False
    for word in words:
        if not is_value and word[:1] in _SIGNS and word[1:2] not in ("", "-") and word not in _TAKES_A_VALUE:
            yield from (_SIGNS[word[0]], word[1:])
        else:
            yield word
        is_value = not is_value and word in _TAKES_A_VALUE
