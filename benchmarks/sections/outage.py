"""Orchestration: uploads that a full outage of the store falls into: how much do they offer in vain?"""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

from figures import Figure, Report, Table
from ground import BUCKET, MIB
from link import Behaviour
from pacing import Pace
from strikes import Refuse, Reset, Strike
from traffic import Exchange, Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ground import Ground
    from peers import Peers
    from scale import Scale

BAR = 1.2
_BYTES_S = 40_000_000
# Early, so that what is cut in mid-body when it begins is little beside what is offered while it lasts.
_BEGINS_AT_SHARE = 0.1
_LONGEST_RUN_S = 300


class Outage:
    """Begins when the link has carried so many bytes: 503 for its first half, then resets."""

    def __init__(self, begins_at_bytes: float, lasts_s: float) -> None:
        self._begins_at_bytes = begins_at_bytes
        self._lasts_s = lasts_s
        self._began_s: float | None = None
        self.traffic = Traffic()
        self.requests = 0

    def on(self) -> bool:
        """Tell whether it lasts now, in which case what is under way is cut as well."""
        return self._into_s() is not None

    def _into_s(self) -> float | None:
        if self._began_s is None:
            if self.traffic.offered_bytes < self._begins_at_bytes:
                return None
            self._began_s = time.monotonic()
        into_s = time.monotonic() - self._began_s
        return into_s if into_s < self._lasts_s else None

    def __call__(self, _: Exchange) -> Strike | None:
        """Return how a request is struck."""
        into_s = self._into_s()
        if into_s is None:
            return None
        self.requests += 1
        return Refuse() if into_s < self._lasts_s / 2 else Reset()


def outage(ground: Ground, peers: Peers, scale: Scale) -> Report:
    """Run ours and boto3 through the same outage and count the bytes of bodies that they offered."""
    link, route = ground.link, ground.route(ground.link.url)
    files = [ground.file(f"outage{n}.bin", scale.outage_mib * MIB - n) for n in range(scale.outage_uploads)]
    useful_bytes = sum(file.stat().st_size for file in files)
    room_id = route.room()
    sides: dict[str, tuple[list[list[str]], Mapping[str, str]]] = {
        "ours": ([route.put(file, room_id) for file in files], route.client)
    }
    if scale.outage_beside:
        boto3 = [peers.commands("upload", link.url, file, BUCKET, file.name)["boto3"] for file in files]
        sides["boto3"] = (boto3, route.cloud)
    told: dict[str, tuple[int, float, int, int]] = {}
    for name, (commands, environment) in sides.items():
        script = Outage(_BEGINS_AT_SHARE * useful_bytes, scale.outage_s)
        traffic = script.traffic = link.behave(Behaviour(script, script.on, shared=Pace(_BYTES_S)))
        succeeded = _run_all(commands, environment)
        link.wait_until_idle()
        offered = traffic.offered_bytes / useful_bytes
        told[name] = (succeeded, offered, len(traffic.bodies), script.requests)
    for file in files:
        file.unlink()
    ground.clear()
    title = f"{len(files)} uploads of {scale.outage_mib} MiB, {scale.outage_s} s of outage in the middle"
    header = ("", "SUCCEEDED", "OFFERED x FILES", "PART REQUESTS", "REQUESTS WHILE OUT")
    return Report(
        _figures(told, len(files)), [Table(title, header, [(name, *row) for name, row in told.items()])]
    )


def _figures(told: Mapping[str, tuple[int, float, int, int]], count: int) -> list[Figure]:
    succeeded, offered, requests, _ = told["ours"]
    name, unit = "full outage: offered", "x the files"
    found = [
        Figure(name, offered, unit, "the files", offered, BAR, offered <= BAR),
        Figure(
            "full outage: uploads that succeeded",
            succeeded,
            "uploads",
            "all of them",
            succeeded / count,
            1.0,
            succeeded == count,
        ),
    ]
    if "boto3" in told:
        their_succeeded, their_offered, their_requests, _ = told["boto3"]
        peer = f"boto3, {their_succeeded} of {count} succeeded"
        found.append(Figure(name, offered, unit, peer, offered / their_offered, None, holds=True))
        ratio = requests / their_requests
        name = "full outage: part requests"
        found.append(Figure(name, requests, "requests", peer, ratio, None, holds=True))
    return found


def _run_all(commands: list[list[str]], environment: Mapping[str, str]) -> int:
    """Run commands side by side and return how many succeeded."""
    running = [
        subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for command in commands
    ]
    deadline = time.monotonic() + _LONGEST_RUN_S
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return sum(process.returncode == 0 for process in running)
