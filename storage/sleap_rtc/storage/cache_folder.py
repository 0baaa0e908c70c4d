"""Adapter: the folder of the blob cache, which is its own index.

    <folder>/
    ├── blobs/<name>              whole and verified; appears by an atomic rename
    ├── used/<name>               empty; its mtime says when the blob was last used
    ├── pins/<name>@<process>     a hard link to a blob, for as long as the process uses it
    ├── fetching/<name>@<process>/data
    │                             a fetch under way, or abandoned; with it lies what `partial_file.py` keeps
    ├── locks/<name>              held during a fetch; all it does is save others the same one
    └── .trash/<name>@<ulid>      evicted, about to be deleted

Nothing rests on locks, which network file systems leave out or merely pretend. Two processes that fetch the
same blob each rename a whole file to the same place. A pin is a hard link, so the bytes outlive even an
eviction that crossed it; where the file system has none it is an empty file, and eviction looks for pins
once more after its rename. The folder of a fetch whose process is dead is taken over by a rename, which one
of several processes achieves; it goes once the blob is here, the room is needed, or a week has passed.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from ulid import ULID

from sleap_rtc.storage.blob_id import BlobId
from sleap_rtc.storage.cache_policy import Entry
from sleap_rtc.storage.partial_file import allocated_bytes
from sleap_rtc.storage.process_tag import in_force

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

_ABANDONED_S = 7 * 24 * 3600
_LONGEST_WAIT_S = 900.0  # for another process' fetch; then this one fetches as well


class CacheFolder:
    """What lies in the folder; every process that uses it sees the same."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._blobs, self._used, self._pins, self._fetching, self._locks, self._trash = (
            path / part for part in ("blobs", "used", "pins", "fetching", "locks", ".trash")
        )

    def prepare(self) -> None:
        """Make the folders and clear away what killed processes left."""
        for part in (self._blobs, self._used, self._pins, self._fetching, self._locks, self._trash):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        for gone in _files(self._trash):
            remove(gone)
            shutil.rmtree(gone, ignore_errors=True)
        for pin in _files(self._pins):
            if not in_force(pin.name.partition("@")[2]):
                remove(pin)
        for fetch in self._abandoned():
            name = fetch.name.partition("@")[0]
            if (self._blobs / name).exists() or time.time() - _last_change(fetch) > _ABANDONED_S:
                self._drop(fetch)

    def free_bytes(self, fetched: Path | None = None) -> int:
        """Return what the disk has free, with what a fetch took of it; a quota does not show in it."""
        free = shutil.disk_usage(self.path).free
        return free + sum(allocated_bytes(file) for file in _files(fetched.parent)) if fetched else free

    def entries(self) -> tuple[Entry, ...]:
        """Return the blobs, the least recently used first."""
        pinned = self._pinned()
        found = []
        for file in _files(self._blobs):
            blob, last_used = BlobId.from_name(file.name), self._last_used(file)
            if blob and last_used is not None:
                found.append(Entry(blob, last_used, file.name in pinned))
        return tuple(sorted(found, key=lambda entry: entry.last_used))

    def blob_path(self, blob: BlobId) -> Path:
        """Where a blob lies if it is here."""
        return self._blobs / blob.name

    def pin_path(self, blob: BlobId, tag: str) -> Path:
        """Where a process pins a blob."""
        return self._pins / f"{blob.name}@{tag}"

    @contextmanager
    def fetching(self, blob: BlobId, tag: str) -> Iterator[Path]:
        """Yield the path to fetch to, in a folder of ours that a dead process may have begun to fill.

        After a failure, what a later fetch can go on with stays.
        """
        folder = self._fetching / f"{blob.name}@{tag}"
        for left in self._abandoned(blob):
            with suppress(OSError):  # another process was faster
                left.rename(folder)
                break
        folder.mkdir(exist_ok=True)
        data = folder / "data"
        try:
            yield data
        except BaseException:
            remove(data)
            with suppress(OSError):  # a partial file is in it
                folder.rmdir()
            raise
        shutil.rmtree(folder, ignore_errors=True)

    def drop_abandoned(self) -> bool:
        """Remove what dead processes fetched; return whether there was anything."""
        left = self._abandoned()
        for fetch in left:
            self._drop(fetch)
        return bool(left)

    def pin(self, blob: BlobId, pin: Path) -> Path | None:
        """Pin a blob and return the path to read; None where it is not here, or was cut short."""
        try:
            path = _held(self.blob_path(blob), pin)
            if path.stat().st_size == blob.size_bytes:
                (self._used / blob.name).touch()
                return path
        except FileNotFoundError:
            remove(pin)
            return None
        remove(pin)
        self.discard(blob)
        return None

    def keep(self, file: Path, blob: BlobId, pin: Path) -> Path:
        """Pin a fetched file, then show it to everybody; return the path to read."""
        stored = self.blob_path(blob)
        path = pin if _held(file, pin) is pin else stored
        try:
            file.replace(stored)
        except PermissionError:
            if not stored.exists():  # Windows replaces no file that somebody reads; it is the same one
                raise
        (self._used / blob.name).touch()
        return path

    def evict(self, blob: BlobId) -> bool:
        """Remove a blob unless it is in use; return whether it was this call that did."""
        return blob.name not in self._pinned() and self.discard(blob, unless_pinned=True)

    def discard(self, blob: BlobId, *, unless_pinned: bool = False) -> bool:
        """Take a blob out of the index, then free its bytes; return whether it was this call that did."""
        stored, gone = self.blob_path(blob), self._trash / f"{blob.name}@{ULID()}"
        try:
            stored.rename(gone)
        except (FileNotFoundError, PermissionError):  # another process was faster, or Windows has it open
            return False
        if unless_pinned and blob.name in self._pinned():
            with suppress(FileNotFoundError):
                gone.rename(stored)
            return False
        remove(gone)
        remove(self._used / blob.name)
        return True

    @contextmanager
    def one_fetcher(self, blob: BlobId) -> Iterator[None]:
        """Wait until no other process fetches the blob, where the file system can tell."""
        lock = FileLock(self._locks / blob.name, timeout=_LONGEST_WAIT_S)
        try:
            lock.acquire()
        except (OSError, NotImplementedError, Timeout) as error:
            log.info("fetching %s without a lock: %s", blob.name, error)
        try:
            yield
        finally:
            if lock.is_locked:
                remove(self._locks / blob.name)
                with suppress(OSError):
                    lock.release()

    def _abandoned(self, blob: BlobId | None = None) -> list[Path]:
        """Return the folders of fetches whose process is dead, of one blob or of all."""
        named = (fetch.name.partition("@") for fetch in _files(self._fetching))
        dead = [(name, at, tag) for name, at, tag in named if not in_force(tag)]
        return [self._fetching / "".join(parts) for parts in dead if blob is None or parts[0] == blob.name]

    def _drop(self, fetch: Path) -> None:
        """Remove an abandoned fetch, out of reach first of whoever would take it over meanwhile."""
        gone = self._trash / f"{fetch.name}@{ULID()}"
        with suppress(OSError):
            fetch.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def _pinned(self) -> frozenset[str]:
        names = (pin.name.partition("@") for pin in _files(self._pins))
        return frozenset(name for name, _, tag in names if in_force(tag))

    def _last_used(self, file: Path) -> float | None:
        for place in (self._used / file.name, file):
            with suppress(FileNotFoundError):
                return place.stat().st_mtime
        return None


def remove(file: Path) -> None:
    """Delete a file if it can be; Windows keeps what somebody has open, and a later sweep finds it."""
    with suppress(OSError):
        file.unlink(missing_ok=True)


def _held(file: Path, pin: Path) -> Path:
    """Pin a file; return the path that stays readable."""
    try:
        os.link(file, pin)
    except FileNotFoundError:
        raise
    except OSError:  # no hard links on this file system
        pin.touch()
        return file
    return pin


def _last_change(folder: Path) -> float:
    """Return when something was last written in a folder; 0 where it was taken over meanwhile."""
    times = [0.0]
    with suppress(FileNotFoundError):
        times.extend(file.stat().st_mtime for file in (folder, *folder.iterdir()))
    return max(times)


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
