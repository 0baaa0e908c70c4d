"""CRC64NVME: pieces combine into the whole, and both spellings survive the way there and back."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.storage.checksum import (
    SLICE_BYTES,
    combine,
    crc64nvme,
    crc_of_stream,
    from_header,
    from_text,
    to_header,
    to_text,
)
from sleap_rtc.storage.errors import InputError

CRCS = st.integers(0, 2**64 - 1)


def test_the_crc_is_the_one_that_the_catalogue_of_crcs_lists() -> None:
    # "CRC-64/NVME" in the catalogue of parametrised CRC algorithms: check value for "123456789".
    assert crc64nvme(b"123456789") == 0xAE8B14860A799888


@given(st.lists(st.binary(max_size=64)))
def test_the_crcs_of_pieces_combine_into_that_of_the_whole(pieces: list[bytes]) -> None:
    assert combine((crc64nvme(piece), len(piece)) for piece in pieces) == crc64nvme(b"".join(pieces))


@given(st.binary(), st.binary())
def test_a_crc_goes_on_from_an_earlier_one(head: bytes, tail: bytes) -> None:
    assert crc64nvme(tail, crc64nvme(head)) == crc64nvme(head + tail)


def test_pieces_in_another_order_have_another_crc() -> None:
    first, second = (crc64nvme(b"first"), 5), (crc64nvme(b"second"), 6)
    assert combine([first, second]) != combine([second, first])


@pytest.mark.parametrize("length", [None, 0, 1, SLICE_BYTES, SLICE_BYTES + 1, 10 * SLICE_BYTES])
def test_a_stream_is_read_up_to_the_length_and_no_further(length: int | None) -> None:
    data = bytes(range(256)) * (SLICE_BYTES // 128) + b"tail"
    stream = io.BytesIO(data)
    crc, read = crc_of_stream(stream, length)
    assert (crc, read) == (crc64nvme(data[:length]), len(data[:length]))
    assert stream.tell() == read


@given(CRCS)
def test_both_spellings_survive_the_way_there_and_back(crc: int) -> None:
    assert from_header(to_header(crc)) == crc
    assert from_text(to_text(crc)) == crc


def test_the_header_is_base64_of_eight_big_endian_bytes() -> None:
    assert to_header(1) == "AAAAAAAAAAE="
    assert to_text(1) == "crc64nvme:AAAAAAAAAAE="


@pytest.mark.parametrize("text", ["", "AAAA", "AAAAAAAAAAE", "AAAAAAAAAAE=\n", "ÄÄÄÄÄÄÄÄÄÄE=", "A" * 24])
def test_what_is_not_a_checksum_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="CRC64NVME"):
        from_header(text)


@pytest.mark.parametrize("text", ["", "AAAAAAAAAAE=", "sha256:AAAAAAAAAAE=", "CRC64NVME:AAAAAAAAAAE="])
def test_another_algorithm_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="crc64nvme:"):
        from_text(text)
