"""Orchestration: the peak memory of a small and of a large transfer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from figures import Figure, Report, Table
from ground import BUCKET, MIB, read_sent
from ours import url_download
from processes import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ground import Ground
    from peers import Peers

BAR_MIB = 100.0
_PEER = "boto3"


def memory(ground: Ground, peers: Peers, sizes_mib: Sequence[int]) -> Report:
    """Send and fetch a file of each size, ours and boto3, one process each."""
    route = ground.route(ground.store.url)
    file, back = ground.folder / "large.bin", ground.folder / "back.bin"
    found = Report()
    rows: list[tuple[str | float, ...]] = []
    for size_mib in sizes_mib:
        with file.open("wb") as hole:
            hole.truncate(size_mib * MIB)  # zeros cost as much memory as any bytes, and no disk
        up = run(route.put(file, route.room()), route.client)
        down = run(url_download(ground, route.url, read_sent(up.output), back), route.cloud)
        back.unlink()
        ground.clear()
        uploaded = peers.commands("upload", route.url, file, BUCKET, "large")[_PEER]
        downloaded = peers.commands("download", route.url, back, BUCKET, "large")[_PEER]
        theirs = {"upload": run(uploaded, route.cloud), "download": run(downloaded, route.cloud)}
        back.unlink()
        ground.clear()
        for direction, ours in (("upload", up), ("download", down)):
            peak, peer = ours.memory_mib, theirs[direction].memory_mib
            name = f"{direction} memory, {size_mib} MiB"
            found.figures.append(Figure(name, peak, "MiB", _PEER, peak / peer, BAR_MIB, peak < BAR_MIB))
            rows.append((f"{direction} of {size_mib} MiB", peak, peer))
    file.unlink()
    found.tables.append(Table("peak memory of one process, MiB", ("", "OURS", "BOTO3"), rows))
    return found
