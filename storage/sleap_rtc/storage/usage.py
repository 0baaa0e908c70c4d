"""Pure: what was used of the cloud and the network, in counts that can be added, stored and priced.

Requests are counted by their own names and not by price class, so that what was counted once can be priced
anew when prices or classes change.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from sleap_rtc.storage.traffic import Called

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleap_rtc.storage.traffic import Moved

MOST_KINDS = 200
"""Operations of the three services that we use, and ways of bytes, are some thirty each."""

Kind = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{1,80}$")]
Count = Annotated[int, Field(ge=0, le=10**18)]
Counts = Annotated[dict[Kind, Count], Field(max_length=MOST_KINDS)]


class Usage(BaseModel):
    """What was used.

    Attributes:
        requests: how many, by service and operation, such as `s3.UploadPart`.
        bytes: how many, by direction, way and content, such as `download.internet.dataset`.
    """

    model_config = ConfigDict(frozen=True)

    requests: Counts = Field(default_factory=dict)
    bytes: Counts = Field(default_factory=dict)

    def __add__(self, other: Usage) -> Usage:
        """Return both together."""
        return Usage(
            requests=_sum(self.requests, other.requests),
            bytes=_sum(self.bytes, other.bytes),
        )

    def __bool__(self) -> bool:
        """Whether anything was used."""
        return bool(self.requests or self.bytes)

    def bytes_by(self, *, direction: str = "", way: str = "", content: str = "") -> int:
        """Return the bytes of a direction, a way and a content; empty is any."""
        wanted = (direction, way, content)
        return sum(
            count
            for kind, count in self.bytes.items()
            if all(not each or each == part for each, part in zip(wanted, kind.split("."), strict=False))
        )

    def requests_to(self, service: str) -> int:
        """Return the requests to a service."""
        return sum(count for kind, count in self.requests.items() if kind.startswith(f"{service}."))


NOTHING = Usage()


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted((Counter(one) + Counter(other)).items()))


def kind_of(event: Called | Moved) -> str:
    """Return what an event counts as."""
    if isinstance(event, Called):
        return f"{event.service}.{event.operation}"
    return f"{event.direction}.{event.way}.{event.content}"
