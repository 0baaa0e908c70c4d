"""The bytes of frames, which peers of other versions have to read, too."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.live.file_frames import (
    MOST_DATA_BYTES,
    MOST_FRAME_BYTES,
    Data,
    End,
    Frame,
    FrameUnreadable,
    Header,
    Refusal,
    decode,
    encode,
)

GOLDEN: dict[str, Frame] = {
    "01010000 00000007 0000000000000400 0000000000000100": Header(7, 1024, 256),
    "01020000 00000007 0000000000000010 6d696365": Data(7, 16, b"mice"),
    "01030000 00000007 0000000000000110 0123456789abcdef": End(7, 272, 0x0123456789ABCDEF),
    "01040000 00000007 0000000000000000" + b'{"code": "busy", "why": "no"}'.hex(): Refusal(7, "busy", "no"),
}
ids, numbers = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
frames = st.one_of(
    st.builds(Header, ids, numbers, numbers),
    st.builds(Data, ids, numbers, st.binary(min_size=1, max_size=200)),
    st.builds(End, ids, numbers, numbers),
    st.builds(Refusal, ids, st.text(max_size=64), st.text(max_size=1000)),
)


@pytest.mark.parametrize(("golden", "frame"), GOLDEN.items())
def test_a_frame_has_these_bytes(golden: str, frame: Frame) -> None:
    assert encode(frame) == bytes.fromhex(golden)
    assert decode(bytes.fromhex(golden)) == frame


@given(frames)
def test_a_frame_is_read_as_it_was_written(frame: Frame) -> None:
    assert decode(encode(frame)) == frame


@given(frames)
def test_a_frame_fits_into_one_message(frame: Frame) -> None:
    assert len(encode(frame)) <= MOST_FRAME_BYTES


def test_the_largest_data_frame_is_16_kib() -> None:
    assert len(encode(Data(1, 0, bytes(MOST_DATA_BYTES)))) == MOST_FRAME_BYTES == 16_384


@pytest.mark.parametrize("payload", [b"", bytes(MOST_DATA_BYTES + 1)])
def test_data_of_no_or_too_many_bytes_is_not_written(payload: bytes) -> None:
    with pytest.raises(ValueError, match="data frame"):
        encode(Data(1, 0, payload))


@given(st.binary(max_size=100))
def test_any_bytes_are_a_frame_or_refused(raw: bytes) -> None:
    with suppress(FrameUnreadable):
        assert decode(raw).id >= 0


@given(frames, st.integers(0, 15), st.integers(1, 255))
def test_a_frame_with_a_wrong_prefix_is_refused_or_another_frame(frame: Frame, at: int, by: int) -> None:
    raw = bytearray(encode(frame))
    raw[at] ^= by
    with suppress(FrameUnreadable):
        assert decode(bytes(raw)) != frame or at in range(8, 16)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        bytes(16),
        bytes.fromhex("0202000000000001") + bytes(9),
        bytes.fromhex("0102000000000001") + bytes(8),
        bytes.fromhex("0102000100000001") + bytes(9),
        bytes.fromhex("0109000000000001") + bytes(9),
        bytes.fromhex("0103000000000001") + bytes(9),
        bytes.fromhex("0104000000000001") + bytes(8) + b"[1]",
        bytes.fromhex("0104000000000001") + bytes(8) + b"[" * 9000,
        bytes.fromhex("0102000000000001") + bytes(MOST_FRAME_BYTES),
    ],
    ids=[
        "nothing",
        "no version",
        "version 2",
        "no data",
        "not 0",
        "kind 9",
        "short",
        "list",
        "deep",
        "long",
    ],
)
def test_what_is_no_frame_is_refused(raw: bytes) -> None:
    with pytest.raises(FrameUnreadable):
        decode(raw)
