"""Pure: what a consumer tells its hook. `queue` is the queue's role, such as `jobs`, never its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sleap_rtc.events.delivery import Trouble


@dataclass(frozen=True)
class Received:
    """A message came off the queue. `lag_s` is how long it lay there, known on its first receipt only."""

    queue: str
    lag_s: float | None


@dataclass(frozen=True)
class Settled:
    """A message is done, `seconds` after it was received."""

    queue: str
    seconds: float


@dataclass(frozen=True)
class Retried:
    """A message will be tried again after `delay_s`."""

    queue: str
    trouble: Trouble
    delay_s: float


@dataclass(frozen=True)
class Buried:
    """A message went to the dead letters."""

    queue: str
    code: str


@dataclass(frozen=True)
class HandedOver:
    """A message still in work was replaced by a continuation, since SQS's 12 hours were nearly over."""

    queue: str


@dataclass(frozen=True)
class HandleLost:
    """A message is not ours any more; its handler goes on."""

    queue: str


@dataclass(frozen=True)
class HeartbeatFailed:
    """A heartbeat did not get through; the next one comes sooner."""

    queue: str


@dataclass(frozen=True)
class GivenBack:
    """A message that came while the process was stopping went back unhandled."""

    queue: str


@dataclass(frozen=True)
class SlotsChanged:
    """So many messages are being handled now."""

    queue: str
    in_use: int


QueueEvent = (
    Received
    | Settled
    | Retried
    | Buried
    | HandedOver
    | HandleLost
    | HeartbeatFailed
    | GivenBack
    | SlotsChanged
)
