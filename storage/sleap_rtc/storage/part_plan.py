"""Pure: how a file is cut into the parts of a multipart upload.

Limits are those of S3 (user guide, "Amazon S3 multipart upload limits"): 5 MiB to 5 GiB a part except the
last, at most 10,000 parts, at most 5 TiB an object.
"""

from __future__ import annotations

from dataclasses import dataclass

from sleap_rtc.storage.errors import InputError

MIB = 1024 * 1024
PREFERRED_PART_BYTES = 8 * MIB
SMALLEST_PART_BYTES = 5 * MIB
LARGEST_PART_BYTES = 5 * 1024 * MIB
MOST_PARTS = 10_000
LARGEST_OBJECT_BYTES = 5 * 1024 * 1024 * MIB
LARGEST_RANGE_BYTES = 32 * MIB
# Enough ranges that the last ones end together.
_RANGES = 64
# A plan aims below the 10,000 so that a size which was guessed low still fits.
_PLANNED_PARTS = 9_000


@dataclass(frozen=True)
class Part:
    """One part: its S3 part number (from 1), and where its bytes lie in the file."""

    number: int
    offset: int
    length: int


@dataclass(frozen=True)
class PartPlan:
    """A file of `size_bytes` cut into parts of `part_size_bytes`, the last one being what is left.

    An empty file has one empty part, so that every upload is a multipart upload.
    """

    size_bytes: int
    part_size_bytes: int

    @property
    def count(self) -> int:
        """Number of parts, at least 1."""
        return max(1, -(-self.size_bytes // self.part_size_bytes))

    def part(self, number: int) -> Part:
        """Return the part with this S3 part number.

        Raises:
            IndexError: the plan has no such part.
        """
        if not 1 <= number <= self.count:
            raise IndexError(f"part {number} of a plan with {self.count} parts")
        offset = (number - 1) * self.part_size_bytes
        return Part(number, offset, min(self.part_size_bytes, self.size_bytes - offset))

    def parts(self) -> list[Part]:
        """Return every part, in order."""
        return [self.part(number) for number in range(1, self.count + 1)]


def plan_parts(size_bytes: int, largest_part_bytes: int = 100_000_000) -> PartPlan:
    """Choose the part size for a file.

    Small parts lose little when a connection is cut, so the plan takes 8 MiB and grows only where S3's
    limit on the number of parts asks for it. `largest_part_bytes` (the setting `multipart_chunk_size`) caps
    the choice as far as that limit allows.

    Raises:
        InputError: the file is larger than S3 can hold.
    """
    if size_bytes > LARGEST_OBJECT_BYTES:
        raise InputError(
            message=f"A file of {size_bytes:,} bytes is larger than S3 can hold "
            f"({LARGEST_OBJECT_BYTES:,} bytes). Split the package."
        )
    preferred = max(SMALLEST_PART_BYTES, min(PREFERRED_PART_BYTES, largest_part_bytes))
    needed = -(-size_bytes // _PLANNED_PARTS)
    whole_mib = -(-needed // MIB) * MIB
    return PartPlan(size_bytes, max(preferred, whole_mib))


def plan_ranges(size_bytes: int, least_bytes: int = PREFERRED_PART_BYTES) -> PartPlan:
    """Choose the ranges in which an object of this size is read, none of them shorter than `least_bytes`.

    A download may read any ranges it likes. Long ones cost fewer requests; a range that is cut is gone on
    with, but a process that is killed loses those under way, so they stay below 32 MiB.
    """
    share = -(-size_bytes // _RANGES // MIB) * MIB
    return PartPlan(size_bytes, max(least_bytes, min(LARGEST_RANGE_BYTES, share)))


def accepts(plan: PartPlan) -> str | None:
    """Return why S3 would not take an upload cut by this plan, or None if it would."""
    if not 0 <= plan.size_bytes <= LARGEST_OBJECT_BYTES:
        return f"size must be between 0 and {LARGEST_OBJECT_BYTES} bytes"
    if not SMALLEST_PART_BYTES <= plan.part_size_bytes <= LARGEST_PART_BYTES:
        return f"parts must be between {SMALLEST_PART_BYTES} and {LARGEST_PART_BYTES} bytes"
    if plan.count > MOST_PARTS:
        return f"an upload has at most {MOST_PARTS} parts, this one would have {plan.count}"
    return None
