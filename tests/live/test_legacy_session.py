"""A session with a peer of the existing tool's kind: real connections, one channel."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any, cast

import pytest
from support.legacy import Heard, legacy_pair
from support.loop import in_loop, until

from sleap_rtc.live import legacy_session
from sleap_rtc.live.errors import PeerLost, PeerUnreachable
from sleap_rtc.live.legacy_file import DOWN_FRAME_BYTES, UP_FRAME_BYTES
from sleap_rtc.live.legacy_frames import (
    KEEP_ALIVE,
    EndOfFile,
    FileMeta,
    LogLine,
    PackageType,
    ProgressReport,
    TrainJobStart,
)
from sleap_rtc.live.legacy_session import LegacySession
from sleap_rtc.storage.errors import FileChanged

if TYPE_CHECKING:
    from pathlib import Path


@in_loop
async def test_files_go_both_ways_in_frames_as_large_as_the_existing_tools(tmp_path: Path) -> None:
    content = bytes(range(251)) * 4000
    path = tmp_path / "labels.zip"
    path.write_bytes(content)
    meta = FileMeta("labels.zip", len(content), "False")
    async with legacy_pair() as pair:
        sent: list[int] = []
        await pair.client.send_file(path, meta, UP_FRAME_BYTES, sent.append)
        await pair.worker.send_file(path, meta, DOWN_FRAME_BYTES)
        for heard, frame_bytes in (
            (pair.worker_heard, UP_FRAME_BYTES),
            (pair.client_heard, DOWN_FRAME_BYTES),
        ):
            await heard.until(EndOfFile())
            assert heard.frames[0] == meta
            assert heard.content == content
            sizes = [len(frame) for frame in heard.frames if isinstance(frame, bytes)]
            assert set(sizes[:-1]) == {frame_bytes}
        assert sum(sent) == len(content)


@in_loop
async def test_frames_come_in_order_and_all_have_arrived_once_it_is_drained() -> None:
    async with legacy_pair() as pair:
        told = [
            PackageType("train"),
            *(LogLine(f"line {number}") for number in range(300)),
            TrainJobStart("a"),
        ]
        for frame in told:
            pair.client.send(frame)
        assert await pair.client.drained()
        assert pair.worker_heard.frames == told


@in_loop
async def test_lines_are_dropped_rather_than_piled_up_and_a_frame_that_matters_is_not() -> None:
    async with legacy_pair() as pair:
        line = LogLine("ü" * 60_000)
        kept = sum(pair.worker.send_if_room(line) for _ in range(100))
        assert 0 < kept < 100
        assert not pair.worker.send_if_room(ProgressReport("x" * 70_000))
        pair.worker.send(TrainJobStart("centroid"))
        await pair.client_heard.until(TrainJobStart("centroid"))


@in_loop
async def test_a_file_that_becomes_another_has_no_end(tmp_path: Path) -> None:
    path = tmp_path / "labels.zip"
    path.write_bytes(b"short")
    async with legacy_pair() as pair:
        for size in (4, 6):
            with pytest.raises(FileChanged):
                await pair.client.send_file(path, FileMeta("labels.zip", size, "False"), UP_FRAME_BYTES)
        assert await pair.client.drained()
        assert EndOfFile() not in pair.worker_heard.frames


@in_loop
async def test_both_say_that_they_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legacy_session, "KEEP_ALIVE_EVERY_S", 0.05)
    async with legacy_pair() as pair:
        await pair.worker_heard.until(KEEP_ALIVE)
        await pair.client_heard.until(KEEP_ALIVE)


@in_loop
async def test_whoever_leaves_is_missed_by_the_other() -> None:
    async with legacy_pair() as pair:
        await pair.client.close("enough")
        assert await pair.worker.wait_ended()
        with pytest.raises(PeerLost):
            pair.worker.send(EndOfFile())


@pytest.mark.parametrize(
    ("frame", "why"),
    [("FILE_META::nothing", "it sent a frame that is none"), (bytes(1 << 19), "a frame of 524,288 bytes")],
)
def test_a_frame_that_is_none_ends_the_session_with_a_reason(frame: str | bytes, why: str) -> None:
    @in_loop
    async def story() -> None:
        async with legacy_pair() as pair:
            cast("Any", pair.client._connection.sctp)._remote_max_message_size = 0  # no limit
            pair.client._channel.send(frame)
            assert why in await pair.worker.wait_ended()
            assert not pair.worker_heard.frames

    story()


@in_loop
async def test_whoever_cannot_handle_a_frame_ends_his_session_and_nothing_else() -> None:
    async with legacy_pair() as pair:
        pair.worker._on_frame = fail
        pair.client.send(EndOfFile())
        assert await pair.worker.wait_ended() == "a frame could not be handled"


def fail(frame: object) -> None:
    raise ZeroDivisionError(frame)


@in_loop
async def test_an_offer_that_is_none_is_told_of() -> None:
    for sdp in ("", "v=0", "not a description", "v=0\r\nm=application 9 x y\r\n"):
        with pytest.raises(PeerUnreachable, match="its offer"):
            await LegacySession.answering("client", sdp, Heard())


@in_loop
async def test_a_peer_that_never_answers_is_given_up() -> None:
    session, _ = await LegacySession.offering("worker", Heard())
    with pytest.raises(PeerUnreachable, match="no connection within"):
        await session.opened(0.05)
    assert session.why_ended


@in_loop
async def test_channels_with_other_names_are_let_be() -> None:
    async with legacy_pair() as pair:
        other = pair.client._connection.createDataChannel("registry")
        await until(lambda: other.readyState == "open")
        other.send("REGISTRY_QUERY_LIST::{}")
        pair.client.send(TrainJobStart("a"))
        await pair.worker_heard.until(TrainJobStart("a"))
        assert pair.worker_heard.frames == [TrainJobStart("a")]
        await asyncio.sleep(0)


def test_the_module_does_not_load_the_engine() -> None:
    code = "import sys, sleap_rtc.live.legacy_session as s; sys.exit('aiortc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
