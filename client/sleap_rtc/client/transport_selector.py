"""Pure: whether a file goes to the worker over WebRTC or through S3, and why, in a sentence.

The first rule that applies:
    the user forces a way           it is taken, or refused with the reason why it cannot be
    a worker of the existing tool   WebRTC, whatever the size: it knows nothing of S3
    only one way is there           that one
    a configuration                 WebRTC while a worker is there: it is a message, not a transfer
    a model                         S3: it is to outlive the worker
    above the threshold             S3: it goes on after a cut, and no worker has to be there meanwhile
    the user does not stay          S3: nobody could hand the file to a worker
    no worker that is free          S3: the dataset waits in the room
    S3 is much the faster           S3
    a direct path                   WebRTC: nobody is paid for the bytes
    a relayed or unknown one        whatever costs less (`transfer_cost`)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn

from sleap_rtc.storage.errors import InputError, Unreachable
from sleap_rtc.storage.price_table import LIST_PRICES
from sleap_rtc.storage.transfer_cost import Transfer, TransferCost, transfer_cost

if TYPE_CHECKING:
    from sleap_rtc.storage.price_list import PriceList

ASSUMED_RELAY_SHARE = 0.2
"""How likely a relay is taken to be before there is a connection: an assumption, nobody has measured it."""
_MUCH_FASTER = 2.0
_WORTH_WAITING_S = 60.0
_MB = 1_000_000


class Transport(StrEnum):
    """How bytes may travel."""

    WEBRTC = "webrtc"
    S3 = "s3"


class DataKind(StrEnum):
    """What travels."""

    DATASET = "dataset"
    MODEL = "model"
    CONFIG = "config"


class ExpectedPath(StrEnum):
    """Which way a connection to the worker takes, as far as it is known before the transfer."""

    DIRECT = "direct"
    RELAYED = "relayed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class LiveWorker:
    """A worker that is connected at this moment.

    Attributes:
        name: as people are told it.
        reads_s3: whether it says so of itself; workers of the existing tool do not.
        takes_files: whether it takes datasets over WebRTC.
        free: whether it would take a job now.
    """

    name: str
    reads_s3: bool = True
    takes_files: bool = True
    free: bool = True


@dataclass(frozen=True)
class Facts:
    """What a choice depends on.

    Attributes:
        size_bytes: of the file.
        kind: what it is.
        worker: whom it would go to over WebRTC; None if there is nobody.
        no_worker: why there is nobody, as half a sentence.
        no_s3: why S3 cannot be used, as half a sentence; empty if it can.
        path: how the worker would be reached.
        forced: what the user wants.
        detached: whether the user does not stay until a worker has the file.
        in_region: whether the worker is in the region of the bucket.
        retained_days: for how long a dataset stays in the bucket.
        model_bytes: of the model that comes back the same way, if it does.
        peer_bytes_per_s: how fast WebRTC is, if that was measured.
        s3_bytes_per_s: how fast S3 is, there and back, if that was measured.
        prices: what bytes cost.
    """

    size_bytes: int
    kind: DataKind = DataKind.DATASET
    worker: LiveWorker | None = None
    no_worker: str = "no worker of the room is connected at the moment"
    no_s3: str = ""
    path: ExpectedPath = ExpectedPath.UNKNOWN
    forced: Transport | None = None
    detached: bool = False
    in_region: bool = False
    retained_days: float = 1.0
    model_bytes: int = 0
    peer_bytes_per_s: float | None = None
    s3_bytes_per_s: float | None = None
    prices: PriceList = field(default=LIST_PRICES)


@dataclass(frozen=True)
class Decision:
    """The way that is taken, why, and what either way would cost."""

    transport: Transport
    reason: str
    cost: TransferCost


class TransportRefused(InputError):
    """{why}"""

    why: str


class WorkerBusy(Unreachable):
    """Worker {where} is busy with another job, and {why}. Run the command again when it is free."""


class NoWayThere(Unreachable):
    """The {kind} cannot be brought to a worker: {no_worker}, and {no_s3}."""

    kind: str
    no_worker: str
    no_s3: str


class TransportSelector:
    """Chooses.

    Args:
        large_file_threshold: in bytes; what is larger goes through S3.
    """

    def __init__(self, large_file_threshold: int) -> None:
        self._threshold = large_file_threshold

    def choose(self, facts: Facts) -> Decision:
        """Return the way to take.

        Raises:
            TransportRefused: what is forced cannot be done.
            WorkerBusy: the only worker cannot take the file now, and there is nowhere to wait for it.
            NoWayThere: neither way is there.
        """
        cost = transfer_cost(_transfer(facts))
        if facts.forced is not None:
            return _forced(facts, facts.forced, cost)
        return Decision(*self._chosen(facts, cost), cost)

    def _chosen(self, facts: Facts, cost: TransferCost) -> tuple[Transport, str]:
        worker = facts.worker
        if worker is not None and not worker.reads_s3:
            return Transport.WEBRTC, _to_the_existing_tool(facts, worker)
        if facts.no_s3:
            return (
                Transport.WEBRTC,
                f"It goes to worker {_peer(facts).name} over WebRTC, since {facts.no_s3}.",
            )
        if worker is None:
            return Transport.S3, f"It goes through S3 and waits there for a worker, since {facts.no_worker}."
        if why := self._better_in_s3(facts, worker):
            return Transport.S3, why
        if facts.kind is DataKind.CONFIG:
            return Transport.WEBRTC, f"A configuration is sent to worker {worker.name} as a message."
        return _the_better(facts, worker, cost)

    def _better_in_s3(self, facts: Facts, worker: LiveWorker) -> str:
        """Return why a file does not go to a worker that could be reached, whatever the path."""
        if facts.kind is DataKind.MODEL:
            return "A model goes through S3, so that the room has it when the worker is gone."
        if not worker.takes_files:
            return f"Worker {worker.name} fetches its datasets from S3."
        return "" if facts.kind is DataKind.CONFIG else self._dataset_better_in_s3(facts, worker)

    def _dataset_better_in_s3(self, facts: Facts, worker: LiveWorker) -> str:
        if facts.size_bytes > self._threshold:
            return (
                f"The dataset has {_size(facts.size_bytes)}, more than {_size(self._threshold)}: an upload "
                "to S3 goes on after a cut, and no worker has to be there meanwhile."
            )
        if facts.detached:
            return "It goes through S3, since with --detach nobody stays who could hand it to a worker."
        if not worker.free:
            return f"Worker {worker.name} is busy, so the dataset waits in S3 for whichever is free first."
        return ""


def _the_better(facts: Facts, worker: LiveWorker, cost: TransferCost) -> tuple[Transport, str]:
    """Compare both ways for a small file and a worker that is free."""
    if slower := _much_slower(facts):
        return Transport.S3, f"S3 is much the faster way to worker {worker.name} here ({slower})."
    if facts.path is ExpectedPath.DIRECT:
        return Transport.WEBRTC, (
            f"{_size(facts.size_bytes)} go straight to worker {worker.name}, which is free and directly "
            "connected, so nobody is paid for the bytes."
        )
    path = "a relay" if facts.path is ExpectedPath.RELAYED else "what may be a relay"
    compared = f"{_usd(cost.webrtc_usd)} rather than {_usd(cost.s3_usd)} through S3"
    if cost.webrtc_usd <= cost.s3_usd:
        return Transport.WEBRTC, (
            f"Worker {worker.name} is free, and even through {path} the {facts.kind} costs {compared}."
        )
    return Transport.S3, (
        f"Worker {worker.name} is reached through {path}, where the {facts.kind} would cost {compared}."
    )


def _forced(facts: Facts, forced: Transport, cost: TransferCost) -> Decision:
    worker = facts.worker
    if forced is Transport.S3:
        if worker is not None and not worker.reads_s3:
            _refuse(
                f"--force-transport s3 cannot be followed: worker {worker.name} is of the existing tool, "
                "which knows nothing of S3. Leave the option out, or name a worker of this tool."
            )
        if facts.no_s3:
            _refuse(f"--force-transport s3 cannot be followed: {facts.no_s3}.")
        return Decision(forced, "It goes through S3 because --force-transport s3 says so.", cost)
    if worker is None:
        _refuse(f"--force-transport webrtc cannot be followed: {facts.no_worker}.")
    if not worker.takes_files:
        _refuse(
            f"--force-transport webrtc cannot be followed: worker {worker.name} takes no datasets over "
            "WebRTC. Leave the option out, and it fetches the dataset from S3."
        )
    if not worker.free:
        _refuse(
            f"--force-transport webrtc cannot be followed: worker {worker.name} is busy with another job."
        )
    relayed = f", through a relay at {_usd(cost.webrtc_usd)}" if facts.path is ExpectedPath.RELAYED else ""
    reason = f"It goes to worker {worker.name} because --force-transport webrtc says so{relayed}."
    return Decision(forced, reason, cost)


def _to_the_existing_tool(facts: Facts, worker: LiveWorker) -> str:
    if not worker.free:
        why = "as a worker of the existing tool it knows nothing of S3, where the dataset could wait for it"
        raise WorkerBusy(where=worker.name, why=why)
    return (
        f"Worker {worker.name} is of the existing tool, which knows nothing of S3, so the {facts.kind} "
        f"({_size(facts.size_bytes)}) goes to it over WebRTC, whatever its size."
    )


def _peer(facts: Facts) -> LiveWorker:
    """Return the only way there is."""
    worker = facts.worker
    if worker is None:
        raise NoWayThere(kind=facts.kind.value, no_worker=facts.no_worker, no_s3=facts.no_s3)
    if not worker.takes_files:
        why = f"worker {worker.name} takes no datasets over WebRTC"
        raise NoWayThere(kind=facts.kind.value, no_worker=why, no_s3=facts.no_s3)
    if not worker.free:
        raise WorkerBusy(where=worker.name, why=facts.no_s3)
    return worker


def _transfer(facts: Facts) -> Transfer:
    share = {ExpectedPath.DIRECT: 0.0, ExpectedPath.RELAYED: 1.0, ExpectedPath.UNKNOWN: ASSUMED_RELAY_SHARE}
    return Transfer(
        dataset_bytes=facts.size_bytes,
        model_bytes=facts.model_bytes,
        relay_share=share[facts.path],
        in_region=facts.in_region,
        dataset_days=facts.retained_days,
        prices=facts.prices,
    )


def _much_slower(facts: Facts) -> str:
    """Return how much slower WebRTC is than S3, if that is so and worth a word."""
    peer, s3 = facts.peer_bytes_per_s, facts.s3_bytes_per_s
    if not peer or not s3:
        return ""
    peer_s, s3_s = facts.size_bytes / peer, facts.size_bytes / s3
    much = peer_s >= _MUCH_FASTER * s3_s and peer_s - s3_s >= _WORTH_WAITING_S
    return f"{s3_s:.0f} s rather than {peer_s:.0f} s" if much else ""


def _refuse(why: str) -> NoReturn:
    raise TransportRefused(why=why)


def _size(count: int) -> str:
    return f"{count / _MB:,.1f} MB" if count >= _MB // 10 else f"{count:,} bytes"


def _usd(amount: float) -> str:
    return f"{amount:.4f} USD"
