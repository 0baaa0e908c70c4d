"""Pure: what went over a link, request by request."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Exchange:
    """One request: how much of its body arrived, and what was answered (0: nothing)."""

    method: str
    target: str
    length: int
    begun_s: float
    offered_bytes: int = 0
    status: int = 0
    ended_s: float = 0.0

    @property
    def is_body(self) -> bool:
        """Whether it carries a piece of a file, rather than the service's own records."""
        return self.method == "PUT" and ("partNumber=" in self.target or self.target.startswith("/bench/"))


@dataclass
class Traffic:
    """What went over the link since the last `behave`."""

    exchanges: list[Exchange] = field(default_factory=list)
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    returns: list[tuple[float, int]] = field(default_factory=list)
    busiest: int = 0

    @property
    def bodies(self) -> list[Exchange]:
        """The requests that carried pieces of files."""
        return [exchange for exchange in list(self.exchanges) if exchange.is_body]

    @property
    def offered_bytes(self) -> int:
        """Bytes of those bodies that arrived here."""
        return sum(exchange.offered_bytes for exchange in self.bodies)

    @property
    def busy(self) -> int:
        """How many of them are under way."""
        return sum(not exchange.ended_s for exchange in self.bodies)

    def seconds(self) -> float:
        """Return the time from the first body's beginning to the last one's end."""
        bodies = self.bodies
        return max(body.ended_s for body in bodies) - min(body.begun_s for body in bodies)
