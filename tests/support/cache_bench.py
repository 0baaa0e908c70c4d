"""A blob cache that several processes use, each told what its file system cannot do."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from sleap_rtc.storage.blob_cache import BlobCache
from sleap_rtc.storage.blob_id import BlobId
from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.part_plan import PartPlan
from sleap_rtc.storage.partial_file import ObjectFacts, PartialFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROOMY = 10**15
# What a file system may lack, made true for a whole process.
LACKS = {
    "nothing": "",
    "locks, silently": "import fcntl; fcntl.flock = lambda *_: None",
    "locks": (
        "import errno, fcntl\ndef flock(*_): raise OSError(errno.ENOSYS, 'no locks')\nfcntl.flock = flock"
    ),
    "hard links": (
        "import errno, fcntl, os\nfcntl.flock = lambda *_: None\n"
        "def link(*_): raise PermissionError(errno.EPERM, 'no links')\nos.link = link"
    ),
}
RANGE_BYTES = 65_536
# Fetches in two halves. In between it says so, and waits for a line or the end of its standard input.
PEER = """
import sys
from pathlib import Path
from support.cache_bench import ROOMY, blob_of, content, fetch_ranges
from sleap_rtc.storage.blob_cache import BlobCache
data = content(sys.argv[2])
print("ready", flush=True)
def wait():
    print("half", flush=True)
    sys.stdin.readline()
def fetch(path):
    if sys.argv[3] == "by ranges":
        print("fetched", fetch_ranges(path, data, wait), flush=True)
        return
    with path.open("wb") as file:
        file.write(data[:len(data) // 2])
        file.flush()
        wait()
        file.write(data[len(data) // 2:])
with BlobCache(Path(sys.argv[1]), ROOMY, 0).use(blob_of(data), fetch) as path:
    assert path.read_bytes() == data
    print("using", flush=True)
    sys.stdin.readline()
    assert path.read_bytes() == data
"""


def content(name: str) -> bytes:
    """Return a megabyte that is told from others by its name."""
    return (name.encode() + b" ").ljust(64, b".") * 16_384


def never(path: Path) -> None:
    """Stand for a fetch that has no reason to happen."""
    raise AssertionError(f"{path} is here already")


def blob_of(data: bytes) -> BlobId:
    """Return the id of bytes."""
    return BlobId(to_text(crc64nvme(data)), len(data))


def fetch_ranges(path: Path, data: bytes, at_half: Callable[[], None] = lambda: None) -> int:
    """Fetch as a download does, going on where an earlier one was cut; return how many ranges it took."""
    plan = PartPlan(len(data), RANGE_BYTES)
    with PartialFile(path, ObjectFacts(len(data), "v1", blob_of(data).checksum), RANGE_BYTES) as partial:
        missing = [part for part in plan.parts() if part.number not in partial.verified]
        for place, part in enumerate(missing):
            if place == len(missing) // 2:
                at_half()
            piece = data[part.offset :][: part.length]
            with partial.path.open("r+b") as file:
                file.seek(part.offset)
                file.write(piece)
            partial.record(part.number, part.length, crc64nvme(piece))
        partial.publish()
    return len(missing)


class Peer:
    """Another process that uses one blob."""

    def __init__(self, folder: Path, name: str, lacking: str = "nothing", how: str = "in one go") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"{LACKS[lacking]}\n{PEER}", str(folder), name, how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert self.says() == "ready"

    def says(self) -> str:
        """Wait for what it says next."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def never_wait(self) -> None:
        """Let it run through."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.stdin = None

    def go_on(self) -> None:
        """Let it go on."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill_9(self) -> None:
        """End it without giving it a chance to tidy up."""
        self.process.kill()
        self.process.communicate()

    def end(self) -> list[str]:
        """Let it run to its end, which has to be a good one; return what it said on the way."""
        out, _ = self.process.communicate()
        assert self.process.returncode == 0
        return out.split()


class CacheBench:
    """A cache folder, and what lies in it."""

    def __init__(self, folder: Path, budget_bytes: int = ROOMY, free_floor_bytes: int = 0) -> None:
        self.folder = folder
        self.cache = BlobCache(folder, budget_bytes, free_floor_bytes)
        self.fetched: list[str] = []

    def use(self, name: str) -> bytes:
        """Use a blob and return what was read of it."""

        def fetch(path: Path) -> None:
            self.fetched.append(name)
            path.write_bytes(content(name))

        with self.cache.use(blob_of(content(name)), fetch) as path:
            return path.read_bytes()

    def has(self, *names: str, last_used: int | None = None) -> None:
        """Make blobs present, used at a given time."""
        for name in names:
            assert self.use(name) == content(name)
            if last_used is not None:
                os.utime(self.folder / "used" / blob_of(content(name)).name, (last_used, last_used))
        self.fetched.clear()

    def path(self, name: str) -> Path:
        """Where a blob lies."""
        return self.folder / "blobs" / blob_of(content(name)).name

    def assert_holds(self, *names: str) -> None:
        """Fail unless these blobs are here, whole, the least recently used first, and nothing else is."""
        assert [entry.blob for entry in self.cache.entries()] == [blob_of(content(name)) for name in names]
        assert all(self.path(name).read_bytes() == content(name) for name in names)
        self.assert_tidy()

    def assert_tidy(self) -> None:
        """Fail if a fetch, a pin or something evicted was left behind."""
        assert [
            str(file.relative_to(self.folder))
            for part in ("pins", "fetching", ".trash")
            for file in (self.folder / part).rglob("*")
        ] == []
