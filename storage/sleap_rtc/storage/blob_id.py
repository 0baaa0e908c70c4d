"""Pure: what a blob is called: after its bytes, so that a dataset has one name wherever it came from.

A name is `crc64nvme-<16 hex digits>-<size in bytes>`. Hex, because base64 tells upper case from lower, which
the file systems of macOS and Windows do not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sleap_rtc.storage.checksum import ALGORITHM, from_text, to_text

_NAME = re.compile(rf"{ALGORITHM}-([0-9a-f]{{16}})-([0-9]+)", re.ASCII)


@dataclass(frozen=True)
class BlobId:
    """The checksum of the bytes, as `crc64nvme:<base64>`, and their number."""

    checksum: str
    size_bytes: int

    @property
    def name(self) -> str:
        """The name of its file.

        Raises:
            InputError: the checksum is not one.
        """
        return f"{ALGORITHM}-{from_text(self.checksum):016x}-{self.size_bytes}"

    @classmethod
    def from_name(cls, name: str) -> BlobId | None:
        """Read the name of a file; None where it is not that of a blob."""
        found = _NAME.fullmatch(name)
        return cls(to_text(int(found[1], 16)), int(found[2])) if found else None
