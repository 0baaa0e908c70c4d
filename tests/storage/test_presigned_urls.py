"""A URL that was signed for a part is good for nothing else, on stores that check what was signed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import urllib3
from support.product import eventually

from sleap_rtc.storage import s3_transfers
from sleap_rtc.storage.checksum import crc64nvme, to_header
from sleap_rtc.storage.s3_transfers import S3Transfers

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_s3 import S3Client

KEY, OTHER_KEY = "uploads/r/u/data", "uploads/r/other/data"
BODY = b"what was signed" * 100
SWAPPED = BODY[::-1]
HONEST = {"x-amz-checksum-crc64nvme": to_header(crc64nvme(BODY))}


def put(url: str, body: bytes, headers: dict[str, str]) -> int:
    return urllib3.request("PUT", url, body=body, headers=headers, retries=False).status


@pytest.fixture(params=["ministack", pytest.param("seaweedfs", marks=pytest.mark.seaweedfs)])
def client(request: pytest.FixtureRequest) -> S3Client:
    found: S3Client = request.getfixturevalue("s3" if request.param == "ministack" else "weed_s3")
    return found


@pytest.fixture
def transfers(client: S3Client) -> S3Transfers:
    bucket = f"b-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=bucket)
    return S3Transfers(client, bucket)


@pytest.fixture
def upload(transfers: S3Transfers) -> str:
    """An open upload."""
    return transfers.create(KEY, "application/zip", {}).s3_upload_id


@pytest.fixture
def url(transfers: S3Transfers, upload: str) -> str:
    return transfers.sign_part(KEY, upload, 2, len(BODY), crc64nvme(BODY))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY + b"!", HONEST),
        (BODY[:-1], HONEST),
        (SWAPPED, HONEST),
        (SWAPPED, {"x-amz-checksum-crc64nvme": to_header(crc64nvme(SWAPPED))}),
        (BODY, {}),
        (b"", HONEST),
    ],
    ids=["longer", "shorter", "other bytes", "other bytes and their checksum", "no checksum", "nothing"],
)
def test_no_other_body_is_taken(
    transfers: S3Transfers, upload: str, url: str, body: bytes, headers: dict[str, str]
) -> None:
    assert put(url, body, headers) in {400, 403}
    assert transfers.list_parts(KEY, upload) == {}
    assert put(url, BODY, HONEST) == 200


def with_query(url: str, **changed: str | None) -> str:
    """Return the URL with other values in its query; None takes one out."""
    address = urlsplit(url)
    values: dict[str, str | None] = {**dict(parse_qsl(address.query)), **changed}
    query = urlencode({name: value for name, value in values.items() if value is not None})
    return address._replace(query=query).geturl()


OTHER_PLACES: dict[str, Callable[[str, str], str]] = {
    "another part": lambda url, _: with_query(url, partNumber="3"),
    "another key": lambda url, _: url.replace(KEY, OTHER_KEY),
    "another upload": lambda url, other: with_query(url, uploadId=other),
    "a longer life": lambda url, _: with_query(url, **{"X-Amz-Expires": "36000"}),
    "the object itself": lambda url, _: with_query(url, uploadId=None, partNumber=None),
    "another signature": lambda url, _: with_query(url, **{"X-Amz-Signature": "0" * 64}),
}


@pytest.mark.parametrize("place", OTHER_PLACES)
def test_it_is_good_at_no_other_place(transfers: S3Transfers, upload: str, url: str, place: str) -> None:
    other = transfers.create(OTHER_KEY, "application/zip", {}).s3_upload_id
    changed = OTHER_PLACES[place](url, other)
    assert changed != url
    assert put(changed, BODY, HONEST) in {400, 403, 404}
    assert transfers.list_parts(KEY, upload) == transfers.list_parts(OTHER_KEY, other) == {}


def test_it_reads_and_removes_nothing(client: S3Client, transfers: S3Transfers, url: str) -> None:
    client.put_object(Bucket=transfers.bucket, Key=KEY, Body=b"a secret")
    for method in ("GET", "DELETE", "HEAD"):
        assert urllib3.request(method, url, headers=HONEST, retries=False).status in {400, 403, 404, 405}
    assert client.get_object(Bucket=transfers.bucket, Key=KEY)["Body"].read() == b"a secret"


def test_a_url_that_reads_writes_nothing(client: S3Client, transfers: S3Transfers) -> None:
    client.put_object(Bucket=transfers.bucket, Key=KEY, Body=b"as it was")
    reads = transfers.sign_get(KEY)
    assert put(reads, BODY, {}) == 403
    assert urllib3.request("GET", reads).data == b"as it was"
    assert urllib3.request("GET", reads.replace(KEY, OTHER_KEY), retries=False).status == 403


def test_after_its_time_it_is_good_for_nothing(
    transfers: S3Transfers, upload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_transfers, "URL_LIFETIME_S", 1)
    url = transfers.sign_part(KEY, upload, 2, len(BODY), crc64nvme(BODY))
    assert "X-Amz-Expires=1&" in urlsplit(url).query + "&"
    eventually(lambda: put(url, BODY, HONEST) == 403)
