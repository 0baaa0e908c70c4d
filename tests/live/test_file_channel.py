"""Files that one real peer reads out to another."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from support.loop import in_loop, until
from support.peers import BEST, MODEL, Library, library
from support.transfer_bench import noise

from sleap_rtc.live.channel import WATERMARK_BYTES
from sleap_rtc.live.control import MOST_REFUSALS
from sleap_rtc.live.errors import PeerLost, PeerWrong, ReadRefused
from sleap_rtc.live.file_frames import MOST_FRAME_BYTES, Data, End, Header, Refusal, decode, encode
from sleap_rtc.live.file_reader import AHEAD
from sleap_rtc.live.file_requests import What
from sleap_rtc.live.file_sender import MOST_WAITING
from sleap_rtc.storage.checksum import combine, crc64nvme
from sleap_rtc.storage.part_plan import MIB, PartPlan

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.live.file_frames import Frame

SIZE = 3 * MIB + 12_345


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    data = noise(SIZE)
    (tmp_path / "best.ckpt").write_bytes(data)
    return data


def request(id_: int, file: str = "best.ckpt", length: int = MIB) -> str:
    what = {"model_id": MODEL, "file": file}
    return json.dumps({"v": 1, "op": "read", "id": id_, "what": what, "offset": 0, "length": length})


def answers(at: Library) -> list[Frame]:
    """Return a list to which every frame that comes is added; nobody else reads any more."""
    frames: list[Frame] = []
    at.pair.ours.bulk.listen(lambda raw: frames.append(decode(raw)) if isinstance(raw, bytes) else None)
    return frames


@in_loop
async def test_a_range_arrives_as_it_is_in_the_file(tmp_path: Path, content: bytes) -> None:
    async with library(tmp_path) as at:
        for offset, length in [(0, 1), (0, SIZE), (SIZE - 1, 1), (MIB - 7, 100_003)]:
            found, crc = await at.reader.read(BEST, offset, length, SIZE)
            assert found == content[offset : offset + length]
            assert crc == crc64nvme(bytes(found))


@in_loop
async def test_a_small_file_is_read_whole_without_knowing_its_size(tmp_path: Path, content: bytes) -> None:
    async with library(tmp_path) as at:
        assert await at.reader.read_small(BEST, SIZE) == content
        with pytest.raises(ReadRefused, match="may have"):
            await at.reader.read_small(BEST, SIZE - 1)
        (tmp_path / "best.ckpt").write_bytes(b"")
        with pytest.raises(ReadRefused, match="0 bytes"):
            await at.reader.read_small(BEST, SIZE)
        (tmp_path / "best.ckpt").unlink()
        with pytest.raises(ReadRefused, match="no such file"):
            await at.reader.read_small(BEST, SIZE)


@in_loop
async def test_a_few_ranges_are_asked_ahead_and_no_more(tmp_path: Path, content: bytes) -> None:
    async with library(tmp_path) as at:
        asked = [asyncio.create_task(at.reader.read(BEST, n * 10_000, 10_000, SIZE)) for n in range(50)]
        most = 0
        while not all(task.done() for task in asked):
            most = max(most, len(at.reader._answers))
            await asyncio.sleep(0)
        assert b"".join([task.result()[0] for task in asked]) == content[:500_000]
        assert 1 < most <= AHEAD


@in_loop
async def test_checksums_of_ranges_make_up_that_of_the_file(tmp_path: Path, content: bytes) -> None:
    plan = PartPlan(SIZE, MIB)
    async with library(tmp_path) as at:
        found = await at.reader.checksums(BEST, plan)
    pieces = zip(found, (part.length for part in plan.parts()), strict=True)
    assert combine(pieces) == crc64nvme(content)


@in_loop
async def test_frames_are_small_and_few_are_queued(tmp_path: Path, content: bytes) -> None:
    async with library(tmp_path) as at:
        sizes: list[int] = []
        queued: list[int] = []

        def note(raw: str | bytes) -> None:
            sizes.append(len(raw))
            queued.append(at.pair.theirs.bulk.queued_bytes)

        at.pair.ours.bulk.listen(note)
        at.pair.ours.ctl.send(request(1, length=SIZE))
        await until(lambda: sum(sizes) > SIZE)
        assert 0.9 * MOST_FRAME_BYTES < max(sizes) <= MOST_FRAME_BYTES
        assert max(queued) <= WATERMARK_BYTES + 2 * MOST_FRAME_BYTES


@in_loop
async def test_what_is_cancelled_is_not_sent_to_its_end(tmp_path: Path, content: bytes) -> None:
    async with library(tmp_path) as at:
        reading = asyncio.create_task(at.reader.read(BEST, 0, SIZE, SIZE))
        await until(lambda: at.sender.sent_bytes > 0)
        reading.cancel()
        found, _ = await at.reader.read(BEST, 0, 100, SIZE)
        assert found == content[:100]
        assert at.sender.sent_bytes < SIZE


@in_loop
async def test_a_request_that_waits_can_be_cancelled(tmp_path: Path, content: bytes) -> None:
    async with library(tmp_path) as at:
        first, second, third = (asyncio.create_task(at.reader.read(BEST, 0, MIB, SIZE)) for _ in range(3))
        await until(lambda: at.sender.sent_bytes > 0)
        second.cancel()
        await first
        await third
        assert at.sender.sent_bytes == 2 * MIB


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (What(model_id="ffffffff", file="best.ckpt"), "unknown_file"),
        (What(model_id=MODEL, file="last.ckpt"), "unknown_file"),
    ],
)
def test_what_is_not_there_is_refused(tmp_path: Path, content: bytes, what: What, code: str) -> None:
    @in_loop
    async def story() -> None:
        async with library(tmp_path) as at:
            with pytest.raises(ReadRefused) as refused:
                await at.reader.read(what, 0, 1, SIZE)
            assert refused.value.code == code
            assert (await at.reader.read(BEST, 0, 1, SIZE))[0] == content[:1]

    story()


@in_loop
async def test_a_range_behind_the_end_is_refused(tmp_path: Path, content: bytes) -> None:
    async with library(tmp_path) as at:
        with pytest.raises(ReadRefused, match=f"the file has {SIZE} bytes"):
            await at.reader.read(BEST, SIZE - 1, 2, SIZE)


@pytest.mark.parametrize("file", ["../best.ckpt", "/etc/passwd", ".."])
def test_a_path_is_refused_and_nobody_looks_for_it(tmp_path: Path, content: bytes, file: str) -> None:
    @in_loop
    async def story() -> None:
        async with library(tmp_path) as at:
            frames = answers(at)
            at.pair.ours.ctl.send(request(1, file))
            await until(lambda: bool(frames))
            assert isinstance(frames[0], Refusal)
            assert (frames[0].id, frames[0].code) == (1, "malformed")
            assert at.folder.asked == []
            assert not at.pair.ours.why_ended

    story()


@in_loop
async def test_who_asks_for_too_much_at_once_is_refused_that(tmp_path: Path, content: bytes) -> None:
    async with library(tmp_path) as at:
        frames = answers(at)
        for id_ in range(1, MOST_WAITING + 6):
            at.pair.ours.ctl.send(request(id_, length=1000))
        await until(lambda: sum(isinstance(frame, End | Refusal) for frame in frames) == MOST_WAITING + 5)
        refused = [frame for frame in frames if isinstance(frame, Refusal)]
        assert {frame.code for frame in refused} == {"too_many"}
        assert 1 <= len(refused) <= 5
        assert not at.pair.ours.why_ended


@pytest.mark.parametrize("channel", ["ctl", "bulk"])
@pytest.mark.parametrize("flood", ["x", bytes(16_000), request(1, "../x"), "{}" * 3000], ids=range(4))
def test_who_floods_is_shown_the_door(
    tmp_path: Path, content: bytes, channel: str, flood: str | bytes
) -> None:
    @in_loop
    async def story() -> None:
        async with library(tmp_path) as at:
            answers(at)  # whoever floods does not mind what is said to him
            for _ in range(1000):
                getattr(at.pair.ours, channel).send(flood)
            assert f"asked {MOST_REFUSALS} times" in await at.pair.theirs.wait_ended()
            await at.pair.ours.wait_ended()

    story()


@in_loop
async def test_a_file_that_shrinks_meanwhile_is_refused(tmp_path: Path, content: bytes) -> None:
    async with library(tmp_path) as at:
        reading = asyncio.create_task(at.reader.read(BEST, 0, SIZE, SIZE))
        await until(lambda: at.sender.sent_bytes > 0)
        (tmp_path / "best.ckpt").write_bytes(b"")
        with pytest.raises(ReadRefused, match="became shorter"):
            await reading


@in_loop
async def test_a_read_ends_with_the_session(tmp_path: Path, content: bytes) -> None:
    async with library(tmp_path) as at:
        reading = asyncio.create_task(at.reader.read(BEST, 0, SIZE, SIZE))
        await until(lambda: at.sender.sent_bytes > 100_000)
        await at.pair.theirs.close()
        with pytest.raises(PeerLost, match="cut"):
            await reading


@in_loop
async def test_a_file_of_another_size_is_not_what_was_asked_for(tmp_path: Path, content: bytes) -> None:
    async with library(tmp_path) as at:
        with pytest.raises(PeerWrong, match=f"a file of {SIZE} bytes instead of 1"):
            await at.reader.read(BEST, 0, 1, 1)


LIES: dict[str, list[Frame | str | bytes]] = {
    "no header": [Data(1, 0, b"1234")],
    "two headers": [Header(1, 4, 4), Header(1, 4, 4)],
    "other length": [Header(1, 4, 3)],
    "other offset": [Header(1, 4, 4), Data(1, 1, b"234")],
    "too long": [Header(1, 4, 4), Data(1, 0, b"12345")],
    "too short": [Header(1, 4, 4), Data(1, 0, b"123"), End(1, 3, 0)],
    "end elsewhere": [Header(1, 4, 4), Data(1, 0, b"1234"), End(1, 5, crc64nvme(b"1234"))],
    "other checksum": [Header(1, 4, 4), Data(1, 0, b"1234"), End(1, 4, crc64nvme(b"4321"))],
    "of another request": [Header(9, 4, 4)],
    "no frame": [b"nonsense"],
    "text": ["nonsense"],
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_is_not_to_the_question_ends_the_session(tmp_path: Path, lie: str) -> None:
    @in_loop
    async def story() -> None:
        async with library(tmp_path) as at:
            at.pair.theirs.ctl.listen(lambda _: tell_lies(at, lie))
            with pytest.raises(PeerWrong):
                await at.reader.read(BEST, 0, 4, 4)
            assert "something wrong" in at.pair.ours.why_ended

    story()


def tell_lies(at: Library, lie: str) -> None:
    for frame in LIES[lie]:
        at.pair.theirs.bulk.send(frame if isinstance(frame, str | bytes) else encode(frame))
