"""Orchestration: CPU and wall seconds of whole processes that bring one file to the store and back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bare_loop import BareLoop
from figures import Figure, Report, Table, ratio_figure
from ground import BUCKET, MIB, read_sent
from ours import start_up, url_download, worker_download
from processes import ProcessFailed, Run, measure, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ground import Ground, Route, Sent
    from peers import Peers
    from scale import Scale

    Sides = dict[str, Callable[[], Run]]

OURS, WORKER = "ours", "ours, worker's role"
BARE, START, BARE_START = "bare loop", "ours, loading only", "bare loop, loading only"
_NOT_PEERS = {OURS, WORKER, BARE, START, BARE_START}
CPU_BARS = {"boto3": 1 / 3, "s5cmd": 1 / 2}
WALL_BAR = 1.0
BARE_BAR = 1.5
_KEPT = "kept"


def speed(ground: Ground, url: str, peers: Peers, scale: Scale, *, uploads: bool = True) -> Report:
    """Compare ours with the peers over one address of the store; over plain HTTP with the bare loop as well.

    Our download is judged over a presigned URL; the one with a worker's own credentials, for which boto3
    signs, is shown beside it.
    """
    tls = url.startswith("https:")
    file, back = ground.file("speed.bin", scale.speed_mib * MIB), ground.folder / "back.bin"
    ground.s3.upload_file(str(file), BUCKET, _KEPT)
    loop = BareLoop(ground, scale.speed_mib * MIB, _KEPT) if scale.bare_loop and not tls else None
    sent: list[Sent] = []
    found = Report()

    def compare(direction: str, sides: Sides) -> None:
        runs = measure(sides, scale.speed_rounds, {OURS, "boto3"}, lambda: _tidy(ground, loop, sent[-1]))
        name = f"{'TLS ' if tls else ''}{direction}"
        found.figures.extend(_figures(name, runs))
        title = f"{name} of {scale.speed_mib} MiB, median of {scale.speed_rounds}"
        found.tables.append(_table(title, runs))

    if uploads:
        compare("upload", _uploads(ground, ground.route(url), file, peers, loop, sent))
    else:
        plain = ground.route(ground.store.url)
        sent.append(read_sent(run(plain.put(file, plain.room()), plain.client).output))
    compare("download", _downloads(ground, url, sent[-1], back, peers, loop))
    file.unlink()
    back.unlink(missing_ok=True)
    ground.clear()
    return found


def _tidy(ground: Ground, loop: BareLoop | None, sent: Sent) -> None:
    if loop is not None:
        loop.abort()
    ground.clear(_KEPT, sent.key)


def _uploads(
    ground: Ground, route: Route, file: Path, peers: Peers, loop: BareLoop | None, sent: list[Sent]
) -> Sides:
    def put() -> Run:
        made = run(route.put(file, route.room()), route.client)
        sent.append(read_sent(made.output))
        return made

    sides: Sides = {OURS: put}
    for name, command in peers.commands("upload", route.url, file, BUCKET, "copy").items():
        sides[name] = partial(run, command, route.cloud)
    if loop is not None:
        small = route.put(ground.file("small.bin", MIB), route.room())
        loading = start_up(small, route.client, ground.folder / "upload-modules.json")
        sides[START] = partial(run, loading, route.client)
        sides[BARE] = lambda: run(loop.upload(file), {})
        sides[BARE_START] = partial(run, loop.start_up(), {})
    return sides


def _downloads(
    ground: Ground, url: str, sent: Sent, back: Path, peers: Peers, loop: BareLoop | None
) -> Sides:
    environment = ground.cloud(url)
    ours = url_download(ground, url, sent, back)
    commands = {OURS: ours, WORKER: worker_download(url, sent, back)}
    commands |= peers.commands("download", url, back, BUCKET, _KEPT)
    if loop is not None:
        commands[START] = start_up(ours, environment, ground.folder / "download-modules.json")
        commands[BARE] = loop.download(back)
        commands[BARE_START] = loop.start_up()

    def fetch(name: str) -> Run:
        back.unlink(missing_ok=True)
        made = run(commands[name], environment)
        if name not in {START, BARE_START} and back.stat().st_size != sent.size_bytes:
            raise ProcessFailed(f"{name} left {back.stat().st_size} bytes of {sent.size_bytes}")
        return made

    return {name: partial(fetch, name) for name in commands}


def _figures(name: str, runs: dict[str, Run]) -> list[Figure]:
    ours = runs[OURS]
    found = [
        ratio_figure(f"{name} CPU", ours.cpu_s, "s", peer, runs[peer].cpu_s, bar)
        for peer, bar in CPU_BARS.items()
        if peer in runs
    ]
    fastest = min(runs.keys() - _NOT_PEERS, key=lambda peer: runs[peer].wall_s)
    found.append(
        ratio_figure(
            f"{name} wall", ours.wall_s, "s", f"{fastest}, the fastest", runs[fastest].wall_s, WALL_BAR
        )
    )
    if {BARE, START, BARE_START} <= runs.keys():
        net = max(0.0, ours.cpu_s - runs[START].cpu_s)
        bare = runs[BARE].cpu_s - runs[BARE_START].cpu_s
        found.append(ratio_figure(f"{name} CPU, loading aside", net, "s", BARE, bare, BARE_BAR))
    return found


def _table(title: str, runs: dict[str, Run]) -> Table:
    rows = [
        (name, it.wall_s, it.cpu_s, round(it.memory_mib))
        for name, it in sorted(runs.items(), key=lambda pair: pair[1].cpu_s)
    ]
    return Table(title, ("", "WALL s", "CPU s", "PEAK MiB"), rows)
