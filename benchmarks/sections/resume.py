"""Orchestration: uploads that are killed (-9) and run again: how many bytes go over the link twice?"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from figures import Figure, Report, Table
from ground import BUCKET, MIB, read_sent
from link import Behaviour, Link
from pacing import Pace
from processes import ProcessFailed, run

from sleap_rtc.storage.checksum import crc_of_stream, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ground import Ground, Route
    from peers import Peers
    from traffic import Traffic

_SEED = 20
_PEERS = ("boto3", "s5cmd")
# Fast enough to be over soon, slow enough that a kill falls where it was meant to.
_BYTES_S = 200 * MIB


@dataclass(frozen=True)
class Cut:
    """One killed upload and the run that followed: bytes of bodies that arrived at the store's side."""

    killed_at_bytes: int
    again_bytes: int
    in_flight_bytes: int
    output: str


def resume(ground: Ground, peers: Peers, size_mib: int, kills: int, peer_kills: int) -> Report:
    """Kill ours and the peers when a random share of the file went over, run them again, and count.

    The bar of ours is what was in flight when it was killed: the parts that were not answered, plus one
    whose answer had not been written down.
    """
    size_bytes = size_mib * MIB
    instants = random.Random(_SEED)
    cuts: dict[str, list[Cut]] = {}
    link = ground.link
    route = ground.route(link.url)
    for turn in range(kills):
        share = instants.random()
        file = ground.file("resume.bin", size_bytes)
        starts: dict[str, tuple[Callable[[], list[str]], Mapping[str, str]]] = {
            "ours": (partial(_put, route, file), route.client)
        }
        for name, command in peers.commands("upload", link.url, file, BUCKET, "cut").items():
            if name in _PEERS and turn < peer_kills:
                starts[name] = (partial(list, command), route.cloud)
        for name, (start, environment) in starts.items():
            cut = _cut(link, start, environment, int(share * size_bytes), size_bytes)
            cuts.setdefault(name, []).append(cut)
        with file.open("rb") as source:
            crc, _ = crc_of_stream(source)
        if read_sent(cuts["ours"][-1].output).checksum != to_text(crc):
            raise ProcessFailed("the upload that went on is not the file")
        ground.clear()
    file.unlink()
    return _report(cuts, size_mib)


def _put(route: Route, file: Path) -> list[str]:
    return route.put(file, route.room())


def _cut(
    link: Link,
    start: Callable[[], list[str]],
    environment: Mapping[str, str],
    at_bytes: int,
    size_bytes: int,
) -> Cut:
    """Kill a run when so many bytes went over the link, or sooner if it was done by then; run it again."""
    while True:
        command = start()
        traffic = link.behave(Behaviour(shared=Pace(_BYTES_S)))
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
        while traffic.offered_bytes < max(1, at_bytes) and process.poll() is None:
            time.sleep(0.002)
        in_flight, killed_at = _in_flight_bytes(traffic), traffic.offered_bytes
        process.kill()
        status = process.wait()
        link.wait_until_idle()
        if status == -signal.SIGKILL:
            break
        if status != 0:
            raise ProcessFailed(f"{' '.join(command)[:300]} ended with {status} before it was killed")
        at_bytes = int(at_bytes * 0.9)
    again = run(command, environment)
    link.wait_until_idle()
    return Cut(killed_at, traffic.offered_bytes - size_bytes, in_flight, again.output)


def _in_flight_bytes(traffic: Traffic) -> int:
    open_now = [body.length for body in traffic.bodies if not body.status]
    return sum(open_now) + max((body.length for body in traffic.bodies), default=0)


def _report(cuts: dict[str, list[Cut]], size_mib: int) -> Report:
    ours = cuts["ours"]
    worst = max(cut.again_bytes / cut.in_flight_bytes for cut in ours)
    most = max(cut.again_bytes for cut in ours) / MIB
    mean = sum(cut.again_bytes for cut in ours) / len(ours)
    name = "sent again after kill -9"
    peer = "the parts in flight then"
    found = Report([Figure(f"{name}, most of {len(ours)}", most, "MiB", peer, worst, 1.0, worst <= 1)])
    for peer in (peer for peer in _PEERS if peer in cuts):
        theirs = sum(cut.again_bytes for cut in cuts[peer]) / len(cuts[peer])
        ratio = mean / max(theirs, 1)
        title = f"{name}, mean of {len(ours)}"
        found.figures.append(Figure(title, mean / MIB, "MiB", peer, ratio, None, holds=True))
    rows = [
        (
            name,
            round(cut.killed_at_bytes / MIB, 1),
            round(cut.again_bytes / MIB, 1),
            round(cut.in_flight_bytes / MIB, 1),
        )
        for name, made in cuts.items()
        for cut in made
    ]
    title = f"{size_mib} MiB, killed and run again, MiB"
    found.tables.append(Table(title, ("", "KILLED AT", "SENT AGAIN", "IN FLIGHT"), rows))
    return found
