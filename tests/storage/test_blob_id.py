"""Names of blobs: one for the same bytes, and safe on every file system."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.storage.blob_id import BlobId
from sleap_rtc.storage.checksum import to_text
from sleap_rtc.storage.errors import InputError

blobs = st.builds(BlobId, st.integers(0, 2**64 - 1).map(to_text), st.integers(0, 2**63))


def test_the_name_is_readable() -> None:
    assert BlobId("crc64nvme:rosUhgp5n2U=", 6).name == "crc64nvme-ae8b14860a799f65-6"


@given(blobs)
def test_a_name_leads_back_to_its_blob(blob: BlobId) -> None:
    assert BlobId.from_name(blob.name) == blob


@given(blobs, blobs)
def test_two_blobs_have_two_names_even_where_case_does_not_count(one: BlobId, other: BlobId) -> None:
    assert (one.name.lower() == other.name.lower()) == (one == other)


@pytest.mark.parametrize("name", ["", "data", "crc64nvme-12-6", "crc64nvme-ae8b14860a799f65-6.part", "X"])
def test_other_files_are_no_blobs(name: str) -> None:
    assert BlobId.from_name(name) is None


@pytest.mark.parametrize("checksum", ["", "sha256:rosUhgp5n2U=", "crc64nvme:../../etc"])
def test_what_is_no_checksum_has_no_name(checksum: str) -> None:
    with pytest.raises(InputError):
        _ = BlobId(checksum, 6).name
