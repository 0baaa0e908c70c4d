"""Orchestration: uploads over a link that does what networks and stores do on a bad day."""

from __future__ import annotations

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from fault_script import FaultScript
from figures import Figure, Report, Table
from ground import MIB, Sent, read_sent
from link import Behaviour
from sections.outage import outage

from sleap_rtc.storage.checksum import crc_of_stream, to_text

if TYPE_CHECKING:
    from pathlib import Path

    from ground import Ground, Route
    from peers import Peers
    from scale import Scale

_AT_ONCE = 4
_LONGEST_RUN_S = 600


def faults(ground: Ground, peers: Peers, scale: Scale) -> Report:
    """Upload many files, each struck in one of the ways of `fault_script`; then a full outage."""
    script = FaultScript(blackholes=scale.blackholes)
    route = ground.route(ground.link.url)
    room_id = route.room()
    traffic = ground.link.behave(Behaviour(script))
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        # Each file is of another size, so that the room never has it already.
        ends = list(
            threads.map(
                lambda n: _upload(ground, route, room_id, n, scale.fault_mib * MIB - n),
                range(scale.fault_uploads),
            )
        )
    found = _report(ends, script, traffic.offered_bytes, scale)
    ground.clear()
    found.add(outage(ground, peers, scale))
    return found


def _upload(ground: Ground, route: Route, room_id: str, number: int, size_bytes: int) -> tuple[str, str]:
    """Upload one file; return its key and what came of it: `verified`, or what went wrong."""
    file = ground.file(f"fault{number}.bin", size_bytes)
    try:
        with file.open("rb") as source:
            crc, _ = crc_of_stream(source)
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(
                route.put(file, room_id),
                env={**os.environ, **route.client},
                stdout=subprocess.PIPE,
                stderr=said,
                encoding="utf-8",
                timeout=_LONGEST_RUN_S,
                check=False,
            )
            said.seek(0)
            if done.returncode != 0:
                return "", f"failed: {' '.join(said.read().split())[-200:]}"
        return _verify(ground, read_sent(done.stdout), file, to_text(crc))
    except subprocess.TimeoutExpired:
        return "", f"failed: not done after {_LONGEST_RUN_S} s"
    except (ValueError, KeyError):
        return "", "failed: no JSON object on stdout"
    finally:
        file.unlink()


def _verify(ground: Ground, made: Sent, file: Path, checksum: str) -> tuple[str, str]:
    """Read the object back from the store, past the link, and compare it and what the store says of it."""
    key = f"/{made.bucket}/{made.key}"
    head = ground.s3.head_object(Bucket=made.bucket, Key=made.key, ChecksumMode="ENABLED")
    body = ground.s3.get_object(Bucket=made.bucket, Key=made.key)["Body"]
    crc, length = crc_of_stream(body)  # type: ignore[arg-type] # it reads like a file
    ground.s3.delete_object(Bucket=made.bucket, Key=made.key)
    kept = head.get("ChecksumCRC64NVME")
    same = to_text(crc) == checksum == made.checksum and length == file.stat().st_size
    if same and kept in {None, checksum.partition(":")[2]}:
        return key, "verified"
    return key, "another object than the file"


def _report(ends: list[tuple[str, str]], script: FaultScript, offered_bytes: int, scale: Scale) -> Report:
    count = len(ends)
    useful = sum(scale.fault_mib * MIB - number for number in range(count))
    succeeded = sum(not end.startswith("failed") for _, end in ends)
    verified = sum(end == "verified" for _, end in ends)
    found = Report()
    for name, number in (("uploads that succeeded", succeeded), ("objects verified", verified)):
        title = f"fault run: {name}"
        found.figures.append(
            Figure(title, number, "uploads", "all of them", number / count, 1.0, number == count)
        )
    ratio = offered_bytes / useful
    found.figures.append(
        Figure("fault run: offered", offered_bytes / MIB, "MiB", "bytes of the files", ratio, None, True)
    )
    rows = [
        (name, sum(s == name for s in script.scenario_of.values()), script.struck.get(name, 0),
         sum(script.scenario_of.get(key) == name for key, end in ends if end == "verified"))
        for name in dict.fromkeys(script.scenario_of.values())
    ]  # fmt: skip
    found.tables.append(
        Table(
            f"{count} uploads of {scale.fault_mib} MiB through faults",
            ("", "UPLOADS", "STRIKES", "VERIFIED"),
            rows,
        )
    )
    failures = [(end,) for _, end in ends if end != "verified"]
    if failures:
        found.tables.append(Table("what failed", ("WHY",), failures))
    return found
