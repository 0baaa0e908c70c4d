"""Pure: the port between the upload engine and whoever signs its parts.

A client asks the service for URLs; a worker with a role signs its own. The engine does not see which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class PartToSign:
    """A part that is about to be sent: its exact length in bytes and CRC64NVME become signed headers."""

    number: int
    length: int
    crc: int


@dataclass(frozen=True)
class SentPart:
    """A part that the store acknowledged."""

    number: int
    length: int
    crc: int
    etag: str


class UploadSession(Protocol):
    """One open multipart upload."""

    def sign(self, parts: Sequence[PartToSign]) -> Mapping[int, str]:
        """Return a URL for each part number. Raises NotFound if the upload is gone, Unreachable, Refused."""

    def complete(self, parts: Sequence[SentPart], crc: int) -> None:
        """Make the object of the parts; repeating it after a lost reply is harmless.

        Raises:
            IntegrityError: the store found other bytes.
            NotFound: the upload is gone.
        """
