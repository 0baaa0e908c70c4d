"""Pure: what a worker tells of how a model came about, in a form that its record can keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sleap_rtc.storage.plain_values import Scalar, scalars, table, texts, thinned

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_EPOCHS = 2_000
"""Of a longer training every so many epochs are kept, the first and the last among them."""
_MOST_COLUMNS = 32
_MOST_VERSIONS = 32


@dataclass(frozen=True)
class Lineage:
    """What a model was made with.

    Args:
        config_checksum: CRC64NVME of the configuration in the package.
        hyperparameters: flat, of single values.
        software: versions by name.
        epochs: one row of metrics each.
        partial: whether the training was ended before its time.
    """

    config_checksum: str = ""
    hyperparameters: Mapping[str, Scalar] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    epochs: Sequence[Mapping[str, Any]] = ()
    partial: bool = False


def joined_software(machine: Mapping[str, str], engine: Mapping[str, Any]) -> dict[str, str]:
    """Return versions by name; of what both name the engine knows better: its Python may be another one."""
    told = texts(engine, _MOST_VERSIONS)
    return texts({**machine, **told}, _MOST_VERSIONS)


def metrics_of(told: Mapping[str, Any], lineage: Lineage) -> dict[str, Any]:
    """Return what came out of a training: what the trainer told, and its epochs as `curve`.

    A training that was ended before its time says so with `partial`.
    """
    kept = table({name: value for name, value in told.items() if name != "curve"})
    if lineage.partial:
        kept["partial"] = True
    if not lineage.epochs:
        return kept
    rows = thinned(lineage.epochs, MOST_EPOCHS)
    return {**kept, "curve": [scalars(row, _MOST_COLUMNS) for row in rows]}
