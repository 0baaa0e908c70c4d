"""Orchestration: brings a file from the desktops that give it, and from the store what they do not."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.storage.download_engine import RemoteObject, download
from sleap_rtc.storage.progress import ProgressHook, TransferProgress, no_progress
from sleap_rtc.storage.traffic import SILENT, Traffic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sleap_rtc.live.file_requests import What


@dataclass(frozen=True)
class BytesBySource:
    """Where the bytes of a file came from. What an earlier run had brought is counted nowhere."""

    peer: int = 0
    relayed: int = 0
    """From peers too, but through a relay, which is paid for."""
    s3: int = 0

    def __add__(self, other: BytesBySource) -> BytesBySource:
        """Return the bytes of both."""
        return BytesBySource(self.peer + other.peer, self.relayed + other.relayed, self.s3 + other.s3)


class ModelPeers(Protocol):
    """Where files of models may come from, other than the store.

    Args:
        troubles: why peers were left, in words.
    """

    troubles: list[str]

    def fetch(
        self, source: RemoteObject, what: What, target: Path, on_progress: ProgressHook = no_progress
    ) -> BytesBySource:
        """Bring what can be had of a file into the partial file of `target`; what is missing stays missing.

        Raises:
            DiskFull: there is no room for it.
        """


class PeersOf(Protocol):
    """Asks peers."""

    def __call__(self, peer_ids: Sequence[str], /) -> AbstractContextManager[ModelPeers | None]:
        """Return what asks the peers of these ids while the context is open; None if nothing does."""


def no_peers(_: Sequence[str], /) -> AbstractContextManager[None]:
    """Return what asks nobody."""
    return nullcontext()


def bring(
    source: RemoteObject,
    what: What,
    target: Path,
    peers: ModelPeers | None,
    on_progress: ProgressHook = no_progress,
    traffic: Traffic = SILENT,
) -> BytesBySource:
    """Bring a file to `target`, verified: from peers what they give, from the store what they do not.

    Args:
        source: the file as it lies in the store; its URL is only asked for if something is missing.
        what: the same file as peers know it.
        target: where to.
        peers: who may have it.
        on_progress: called as ranges are verified.
        traffic: is told of what the store brings; peers tell of theirs.

    Raises:
        DiskFull, ObjectChanged, IntegrityError, TransferFailed: as the store's download does.
    """
    found = peers.fetch(source, what, target, on_progress) if peers is not None else BytesBySource()
    brought = found.peer + found.relayed
    told = TransferProgress(0, source.size_bytes)

    def note(progress: TransferProgress) -> None:
        nonlocal told
        told = progress
        # To that download everything is an earlier run's that it did not bring itself.
        earlier = max(0, progress.resumed_bytes - brought)
        on_progress(replace(progress, resumed_bytes=earlier))

    download(source, target, on_progress=note, traffic=traffic.of("model"), brought_bytes=brought)
    return found + BytesBySource(s3=source.size_bytes - told.resumed_bytes)
