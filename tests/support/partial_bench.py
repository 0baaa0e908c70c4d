"""A download folder in which runs bring ranges of one object, and in which they may be killed at any line."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sleap_rtc.storage import partial_file, range_log
from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.part_plan import PartPlan
from sleap_rtc.storage.partial_file import ObjectFacts, PartialFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

PART_BYTES = 4
CONTENT = b"the bytes of a model"
OURS = {partial_file.__file__, range_log.__file__}
# Brings some ranges, says so, and waits for a line before it publishes.
PEER = """
import sys
from pathlib import Path
from support.partial_bench import PartialBench
bench = PartialBench(Path(sys.argv[1]))
with bench.open() as partial:
    print(*partial.verified, flush=True)
    bench.bring(partial, *map(int, sys.argv[2].split()))
    print("brought", flush=True)
    if sys.stdin.readline():
        bench.bring(partial, *bench.missing(partial))
        partial.publish()
"""


class PartialBench:
    """One object, and a folder that it is downloaded into."""

    def __init__(self, folder: Path, name: str = "model.zip", content: bytes = CONTENT) -> None:
        self.folder = folder
        self.target = folder / name
        self.content = content
        self.plan = PartPlan(len(content), PART_BYTES)

    def open(self, etag: str = "v1", part_bytes: int = PART_BYTES, **other: Any) -> PartialFile:
        """Return the partial file of a run."""
        facts = {"size_bytes": len(self.content), "checksum": to_text(crc64nvme(self.content)), **other}
        return PartialFile(self.target, ObjectFacts(etag=etag, **facts), part_bytes)

    def bring(self, partial: PartialFile, *numbers: int) -> None:
        """Write ranges into their places and record them, as an engine does."""
        for part in map(self.plan.part, numbers):
            data = self.content[part.offset :][: part.length]
            with partial.path.open("r+b") as file:
                file.seek(part.offset)
                file.write(data)
            partial.record(part.number, part.length, crc64nvme(data))

    def missing(self, partial: PartialFile) -> list[int]:
        """Return the numbers of the ranges that a run still has to fetch."""
        return [part.number for part in self.plan.parts() if part.number not in partial.verified]

    def abandon(self, *numbers: int, **facts: Any) -> Path:
        """Bring ranges in a run that the network ends; return the partial file."""
        with self.open(**facts) as partial:
            self.bring(partial, *numbers)
        return partial.path

    def found(self, **facts: Any) -> list[int]:
        """Return which ranges the next run need not fetch."""
        with self.open(**facts) as partial:
            return sorted(partial.verified)

    def finish(self) -> list[int]:
        """Download what is missing and publish; return what had to be fetched."""
        with self.open() as partial:
            fetched = self.missing(partial)
            self.bring(partial, *fetched)
            partial.publish()
        return fetched

    def assert_only_the_target(self) -> None:
        """Fail unless the whole file is there and nothing else."""
        assert self.target.read_bytes() == self.content
        assert list(self.folder.iterdir()) == [self.target]

    def assert_nothing_left(self) -> None:
        """Fail if the folder has anything in it."""
        assert list(self.folder.iterdir()) == []

    def files(self) -> dict[str, bytes]:
        """Return the folder's state: what a killed process would leave."""
        return {file.name: file.read_bytes() for file in self.folder.iterdir()}

    def restore(self, files: dict[str, bytes]) -> None:
        """Put the folder into a state."""
        for file in self.folder.iterdir():
            file.unlink()
        for name, data in files.items():
            (self.folder / name).write_bytes(data)


class Peer:
    """Another process that downloads the object."""

    def __init__(self, bench: PartialBench, *numbers: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PEER, str(bench.folder), " ".join(map(str, numbers))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def found(self) -> list[int]:
        """Wait until it has begun; return which ranges it need not fetch."""
        assert self.process.stdout is not None
        found = [int(number) for number in self.process.stdout.readline().split()]
        assert self.process.stdout.readline() == "brought\n"
        return found

    def kill_9(self) -> None:
        """End it without giving it a chance to tidy up."""
        self.process.kill()
        self.process.communicate()

    def finish(self) -> None:
        """Let it bring the rest and publish."""
        self.process.communicate("\n")
        assert self.process.returncode == 0


@contextmanager
def at_every_line(note: Any) -> Iterator[None]:
    """Call `note` before every line of the partial file's own code, where a kill may come."""

    def trace(frame: FrameType, event: str, value: object) -> Any:
        if frame.f_code.co_filename not in OURS:
            return None
        sys.settrace(None)
        note()
        sys.settrace(trace)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)
