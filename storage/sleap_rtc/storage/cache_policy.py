"""Pure: which blobs leave the cache so that another one fits, or why that is not enough.

The least recently used goes first. A blob in use never goes. Two limits hold at once: the blobs together stay
within a budget, and the disk, which others write to as well, keeps some bytes free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sleap_rtc.storage.blob_id import BlobId


@dataclass(frozen=True)
class Entry:
    """A blob in the cache, when it was last used (seconds since the epoch), and whether it is in use now."""

    blob: BlobId
    last_used: float
    pinned: bool


@dataclass(frozen=True)
class Limits:
    """How many bytes the blobs may have together, and how many the disk has to keep free."""

    budget_bytes: int
    free_floor_bytes: int


@dataclass(frozen=True)
class Eviction:
    """What may leave, first to last, and why that is not enough; `why_not` is empty where it is."""

    entries: tuple[Entry, ...]
    why_not: str = ""


def plan_eviction(
    entries: Iterable[Entry], limits: Limits, free_bytes: int, needed_bytes: int = 0
) -> Eviction:
    """Choose what has to leave before `needed_bytes` are added.

    Args:
        entries: everything that is in the cache.
        limits: what has to hold afterwards.
        free_bytes: what the disk has free now.
        needed_bytes: size of what is to be added.
    """
    present = tuple(entries)
    over_budget = sum(entry.blob.size_bytes for entry in present) + needed_bytes - limits.budget_bytes
    under_floor = needed_bytes + limits.free_floor_bytes - free_bytes
    to_free = max(over_budget, under_floor)
    chosen: list[Entry] = []
    freed = 0
    for entry in sorted(present, key=lambda entry: entry.last_used):
        if freed >= to_free:
            break
        if not entry.pinned:
            chosen.append(entry)
            freed += entry.blob.size_bytes
    if freed >= to_free:
        return Eviction(tuple(chosen))
    if over_budget >= under_floor:
        limit = f"the cache's budget of {limits.budget_bytes:,} bytes"
    else:
        limit = f"the disk with {free_bytes:,} bytes free, {limits.free_floor_bytes:,} of which are to stay"
    in_use = sum(entry.blob.size_bytes for entry in present if entry.pinned)
    return Eviction(
        tuple(chosen),
        f"{to_free - freed:,} bytes too many for {limit}; {freed:,} can be evicted, {in_use:,} are in use",
    )
