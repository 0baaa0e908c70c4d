"""Orchestration: datasets that stay on this machine, so that the next job need not download them again.

The layout on disk is drawn in `cache_folder.py`; what has to leave is decided in `cache_policy.py`. A blob
that finds no room within the limits is still fetched: it is a pin without a blob, and leaves with its user.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.storage.blob_id import BlobId
from sleap_rtc.storage.cache_folder import CacheFolder, remove
from sleap_rtc.storage.cache_policy import Entry, Eviction, Limits, plan_eviction
from sleap_rtc.storage.checksum import crc_of_stream, to_text
from sleap_rtc.storage.errors import DiskFull, IntegrityError
from sleap_rtc.storage.partial_file import DISK_FULL
from sleap_rtc.storage.process_tag import process_tag
from sleap_rtc.storage.storage_facts import CacheChanged, CacheLooked, IntegrityFailed
from sleap_rtc.storage.telling import heard, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

_NO_LIMITS = Limits(budget_bytes=sys.maxsize, free_floor_bytes=0)


@dataclass(frozen=True)
class Verified:
    """What `verify` found; the corrupt ones are gone."""

    whole: tuple[BlobId, ...]
    corrupt: tuple[BlobId, ...]


class BlobCache:
    """Blobs by checksum and size, shared by every process that uses the same folder.

    Args:
        folder: made when it is first needed.
        budget_bytes: how much the blobs may have together; 0 keeps none.
        free_floor_bytes: how much the disk has to keep free.
    """

    def __init__(self, folder: Path, budget_bytes: int, free_floor_bytes: int) -> None:
        self.path = folder
        self._folder = CacheFolder(folder)
        self._limits = Limits(budget_bytes, free_floor_bytes)

    @contextmanager
    def use(self, blob: BlobId, fetch: Callable[[Path], None]) -> Iterator[Path]:
        """Yield the path of a blob that stays until the context closes; it is to be read, not changed.

        Args:
            blob: what is wanted.
            fetch: called only if the blob is not here. It has to leave the whole, verified file at the path
                that it is given, or raise; a `PartialFile` for that path finds what a killed process left.
                After a full disk it is called once more.

        Raises:
            DiskFull: there is no room, even with everything evicted that is not in use.
            IntegrityError: what was fetched has another size.
        """
        self._folder.prepare()
        with process_tag() as tag:
            pin = self._folder.pin_path(blob, tag)
            try:
                path = self._folder.pin(blob, pin)
                if path is None:
                    with self._folder.one_fetcher(blob):
                        path = self._folder.pin(blob, pin)  # somebody else may have brought it meanwhile
                        tell(CacheLooked(hit=path is not None))
                        path = path or self._fetch(blob, tag, fetch)
                        self._tell_size()
                else:
                    tell(CacheLooked(hit=True))
                    self._tell_size()
                yield path
            finally:
                remove(pin)

    def entries(self) -> tuple[Entry, ...]:
        """Return the blobs, the least recently used first."""
        return self._folder.entries()

    def prune(self, budget_bytes: int | None = None) -> Eviction:
        """Evict what is beyond the limits; return what has left, and why that was not enough.

        What killed processes had begun to fetch leaves as well.

        Args:
            budget_bytes: another budget than the cache's own; 0 evicts whatever is not in use.
        """
        self._folder.prepare()
        self._folder.drop_abandoned()
        budget = self._limits.budget_bytes if budget_bytes is None else budget_bytes
        limits = Limits(budget, self._limits.free_floor_bytes)
        plan = plan_eviction(self.entries(), limits, self._folder.free_bytes())
        return Eviction(self._evict(plan), plan.why_not)

    def verify(self) -> Verified:
        """Read every blob again and remove those whose bytes are not what their names say."""
        whole, corrupt = [], []
        for blob in (entry.blob for entry in self.entries()):
            found = _found(self._folder.blob_path(blob))
            if found is None:
                continue  # evicted meanwhile
            if found == blob:
                whole.append(blob)
            else:
                corrupt.append(blob)
                tell(IntegrityFailed("cache"))
                self._folder.discard(blob)
        return Verified(tuple(whole), tuple(corrupt))

    def _fetch(self, blob: BlobId, tag: str, fetch: Callable[[Path], None]) -> Path:
        """Bring a blob here, pinned; keep it for others if the limits allow it."""
        pin = self._folder.pin_path(blob, tag)
        with self._folder.fetching(blob, tag) as target:
            plan = self._plan_for(blob, target)
            if plan.why_not:
                log.warning("%s will not be kept after use: %s", blob.name, plan.why_not)
            else:
                self._evict(plan)
            try:
                self._fetch_once(blob, target, fetch)
            except DiskFull:
                if not self._made_room(blob):
                    raise
                self._fetch_once(blob, target, fetch)
            return target.replace(pin) if plan.why_not else self._folder.keep(target, blob, pin)

    def _plan_for(self, blob: BlobId, target: Path) -> Eviction:
        """Plan what leaves for a blob that is fetched; what nobody fetches any more leaves before it."""
        free = self._folder.free_bytes(target)
        if free - blob.size_bytes < self._limits.free_floor_bytes and self._folder.drop_abandoned():
            free = self._folder.free_bytes(target)
        return plan_eviction(self.entries(), self._limits, free, blob.size_bytes)

    def _fetch_once(self, blob: BlobId, target: Path, fetch: Callable[[Path], None]) -> None:
        if _found(target) == blob:  # its process was killed before it could show it
            return
        try:
            target.parent.mkdir(exist_ok=True)
            target.unlink(missing_ok=True)
            fetch(target)
            with target.open("r+b") as file:
                os.fsync(file.fileno())
        except (DiskFull, OSError) as error:
            if isinstance(error, OSError) and error.errno not in DISK_FULL:
                raise
            shutil.rmtree(target.parent, ignore_errors=True)
            free = self._folder.free_bytes()
            raise DiskFull(path=self.path, needed_bytes=blob.size_bytes, free_bytes=free) from error
        size = target.stat().st_size
        if size != blob.size_bytes:
            raise IntegrityError(
                what=blob.name, expected=f"{blob.size_bytes:,} bytes", found=f"{size:,} bytes"
            )

    def _made_room(self, blob: BlobId) -> bool:
        """Evict for a disk that said that it is full, limits aside; return whether anything was gained."""
        dropped = self._folder.drop_abandoned()
        free = self._folder.free_bytes()
        if free >= blob.size_bytes:  # a quota is full, and does not say what it leaves
            return dropped or bool(self._evict(plan_eviction(self.entries(), _NO_LIMITS, 0, blob.size_bytes)))
        plan = plan_eviction(self.entries(), _NO_LIMITS, free, blob.size_bytes)
        return not plan.why_not and bool(self._evict(plan))

    def _evict(self, plan: Eviction) -> tuple[Entry, ...]:
        evicted = tuple(entry for entry in plan.entries if self._folder.evict(entry.blob))
        for entry in evicted:
            log.info("evicted %s, %d bytes", entry.blob.name, entry.blob.size_bytes)
        if evicted:
            self._tell_size(len(evicted))
        return evicted

    def _tell_size(self, evicted: int = 0) -> None:
        if heard():
            tell(CacheChanged(sum(entry.blob.size_bytes for entry in self.entries()), evicted))


def _found(path: Path) -> BlobId | None:
    """Read a file and return what it is called after its bytes; None where there is none."""
    try:
        with path.open("rb") as file:
            crc, size = crc_of_stream(file)
    except FileNotFoundError:
        return None
    return BlobId(to_text(crc), size)
