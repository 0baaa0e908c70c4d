"""Orchestration: many processes publish into one room, and the replies to some of their writes are lost."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from engines import seaweedfs
from figures import Figure, Report
from link import Behaviour, Link
from percentiles import percentile
from processes import ProcessFailed
from strikes import LoseReply

from sleap_rtc.storage import keys
from sleap_rtc.storage.room_storage import RoomStorage
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore

if TYPE_CHECKING:
    from strikes import Strike
    from traffic import Exchange

P99_BAR_S = 10.0
_PROGRAM = Path(__file__).parents[1] / "programs" / "publish_models.py"
_ROOM, _BUCKET = "lab", "rooms"


class LoseEveryNth:
    """Lets the store make every n-th write of a room, and cuts the line instead of answering.

    Attributes:
        puts: the writes, by the folder that they are in, the manifest under its own name.
        lost: how many of them had no answer.
    """

    def __init__(self, n: int) -> None:
        self._n = n
        self._counting = threading.Lock()
        self.puts: Counter[str] = Counter()
        self.lost = 0

    def __call__(self, exchange: Exchange) -> Strike | None:
        """Count a request and say how it is struck."""
        place = re.search(rf"/{_ROOM}/([a-z.]+)", exchange.target)
        if exchange.method != "PUT" or place is None:
            return None
        with self._counting:
            self.puts[place[1]] += 1
            if self.puts.total() % self._n:
                return None
            self.lost += 1
        return LoseReply()


def writers(folder: Path, processes: int, publishes: int, cut_every: int) -> Report:
    """Publish from several processes at once; count what stands in the manifest then."""
    with seaweedfs(folder / "weed") as engine, Link(engine.url) as link:
        client = s3_client("us-east-1", engine.url)
        client.create_bucket(Bucket=_BUCKET)
        script = LoseEveryNth(cut_every)
        traffic = link.behave(Behaviour(script=script))
        took_s, given_up = _publish(link.url, processes, publishes)
        store = S3ObjectStore(client, _BUCKET)
        room = RoomStorage(_ROOM, store, _BUCKET)
        manifest, changes = room.manifest(), room.history(most=processes * publishes + 1)
        entries = len(list(store.list(keys.manifest_log_prefix(_ROOM))))
    total = processes * publishes
    told = [each.change.words() for each in changes]
    lost = total - len({f"{n:08x}" for n in range(total)} & manifest.models.keys())
    twice = max(manifest.revision, len(told)) - len(set(told))
    name = f"{processes} writers x {publishes}"
    peer = f"{script.lost} of {script.puts.total()} replies lost"
    p99_s = percentile(took_s, 99)
    shown = {
        "attempts (writes of an entry) for each publish": script.puts["log"] / total,
        "publishes in an entry": total / entries,
        "writes of the manifest for each publish": script.puts["manifest.json"] / total,
        "requests for each publish": len(traffic.exchanges) / total,
        "given up and made again": given_up,
    }
    return Report(
        [
            Figure(f"{name}: models lost", lost, "", peer, 1.0, 0, lost == 0),
            Figure(f"{name}: published twice", twice, "", peer, 1.0, 0, twice == 0),
            *(
                Figure(f"{name}: {what}", value, "", peer, 1.0, None, holds=True)
                for what, value in shown.items()
            ),
            Figure(f"{name}: p50", percentile(took_s, 50), "s", peer, 1.0, None, holds=True),
            Figure(f"{name}: p99", p99_s, "s", peer, 1.0, P99_BAR_S, p99_s <= P99_BAR_S),
        ]
    )


def _publish(url: str, processes: int, publishes: int) -> tuple[list[float], int]:
    """Return the seconds of every publish, and how often one gave up and was made again.

    Raises:
        ProcessFailed: one of the writers ended with an error.
    """
    started = [
        subprocess.Popen(
            [sys.executable, str(_PROGRAM), url, _BUCKET, _ROOM, str(writer), str(publishes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for writer in range(processes)
    ]
    for writer in started:
        if writer.stdout is not None:
            writer.stdout.readline()  # until then it only loads
    told = _told_to_begin(started)
    for writer, (_, complaint) in zip(started, told, strict=True):
        if writer.returncode != 0:
            raise ProcessFailed(f"a writer ended with {writer.returncode}: {complaint.decode()[-300:]}")
    found = [json.loads(output) for output, _ in told]
    return [took_s for each in found for took_s in each["took_s"]], sum(each["given_up"] for each in found)


def _told_to_begin(started: list[subprocess.Popen[bytes]]) -> list[tuple[bytes, bytes]]:
    """Let all begin at once; return what each says until it ends."""
    for writer in started:
        if writer.stdin is not None:
            with suppress(BrokenPipeError):
                writer.stdin.write(b"\n")
                writer.stdin.flush()
    return [writer.communicate() for writer in started]
