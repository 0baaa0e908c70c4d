"""What the adapter of multipart uploads asks of S3, and what S3's answers are taken to mean."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from support.fault_proxy import FaultProxy, LoseReply, s3_error
from support.transfer_bench import KEY, noise

from sleap_rtc.storage.checksum import combine, crc64nvme, to_header
from sleap_rtc.storage.errors import IntegrityError, NotFound, Refused
from sleap_rtc.storage.http_transfer import put_part
from sleap_rtc.storage.lane import Lane
from sleap_rtc.storage.part_plan import SMALLEST_PART_BYTES, Part
from sleap_rtc.storage.retry import Failure
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_transfers import MultipartUpload, S3Transfers
from sleap_rtc.storage.upload_session import SentPart

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_s3 import S3Client

BODY = noise(1_000)
CRC = crc64nvme(BODY)


@pytest.fixture
def transfers(s3: S3Client, bucket: str) -> S3Transfers:
    return S3Transfers(s3, bucket)


@pytest.fixture
def far(far_s3: S3Client, bucket: str) -> S3Transfers:
    """Return the same bucket behind the proxy."""
    return S3Transfers(far_s3, bucket)


@pytest.fixture
def upload(transfers: S3Transfers) -> MultipartUpload:
    return transfers.create(KEY, "application/zip", {"upload-id": "lab-1"})


def put(
    client: S3Client, transfers: S3Transfers, upload: MultipartUpload, number: int, body: bytes
) -> SentPart:
    """Send a part with credentials instead of a URL."""
    crc = crc64nvme(body)
    reply = client.upload_part(
        Bucket=transfers.bucket,
        Key=KEY,
        UploadId=upload.s3_upload_id,
        PartNumber=number,
        Body=body,
        ChecksumCRC64NVME=to_header(crc),
    )
    return SentPart(number, len(body), crc, reply["ETag"])


def test_a_url_binds_the_length_and_the_checksum_of_its_part(transfers: S3Transfers) -> None:
    url = transfers.sign_part(KEY, "s3-upload", 7, len(BODY), CRC)
    query = parse_qs(urlsplit(url).query)
    assert query["X-Amz-SignedHeaders"] == ["content-length;host;x-amz-checksum-crc64nvme"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert (query["partNumber"], query["uploadId"]) == (["7"], ["s3-upload"])
    assert query["X-Amz-Expires"] == ["3600"]
    assert not [name for name in query if "checksum" in name.lower()]


def test_a_url_of_aws_names_the_bucket_in_its_host() -> None:
    with mock_aws():
        url = S3Transfers(s3_client("eu-central-1"), "rooms").sign_get(KEY)
    assert urlsplit(url).netloc in {"rooms.s3.amazonaws.com", "rooms.s3.eu-central-1.amazonaws.com"}
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url


@pytest.mark.parametrize(
    "body",
    [b"?" + BODY[1:], BODY + b"?", BODY[:-1], BODY[::-1]],
    ids=["altered", "longer", "shorter", "swapped"],
)
@pytest.mark.parametrize("honest", [True, False], ids=["with its own checksum", "with the signed one"])
def test_a_url_takes_no_other_bytes_than_it_was_signed_for(
    transfers: S3Transfers, upload: MultipartUpload, tmp_path: Path, body: bytes, honest: bool
) -> None:
    file = tmp_path / "part"
    file.write_bytes(body)
    url = transfers.sign_part(KEY, upload.s3_upload_id, 1, len(BODY), CRC)
    crc = crc64nvme(body) if honest else CRC
    with file.open("rb", buffering=0) as opened:
        outcome = put_part(Lane(), url, opened, Part(1, 0, len(body)), crc)
    assert isinstance(outcome, Failure)
    assert outcome.status in {400, 403}
    assert transfers.list_parts(KEY, upload.s3_upload_id) == {}


def test_the_parts_of_an_open_upload_are_listed_over_all_pages(
    s3: S3Client, transfers: S3Transfers, upload: MultipartUpload
) -> None:
    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda n: put(s3, transfers, upload, n, b"%d" % n), range(1, 1_003)))
    held = transfers.list_parts(KEY, upload.s3_upload_id)
    assert held == {part.number: (part.etag, part.length) for part in sent}


def test_an_upload_that_is_gone_is_not_found(transfers: S3Transfers, upload: MultipartUpload) -> None:
    transfers.abort(KEY, upload.s3_upload_id)
    transfers.abort(KEY, upload.s3_upload_id)
    with pytest.raises(NotFound):
        transfers.list_parts(KEY, upload.s3_upload_id)
    with pytest.raises(NotFound):
        transfers.complete(KEY, upload, [SentPart(1, 1, 0, '"etag"')], 0, 1)


def test_a_store_that_keeps_a_checksum_of_the_whole_keeps_that_of_the_file() -> None:
    with mock_aws():
        client = s3_client("us-east-1")
        client.create_bucket(Bucket="rooms")
        transfers = S3Transfers(client, "rooms")
        upload = MultipartUpload(
            transfers.create(KEY, "application/zip", {}).s3_upload_id, whole_checksum=True
        )
        bodies = [noise(SMALLEST_PART_BYTES), BODY]
        parts = [put(client, transfers, upload, n, body) for n, body in enumerate(bodies, start=1)]
        whole = combine((part.crc, part.length) for part in parts)
        etag = transfers.complete(KEY, upload, parts, whole, sum(map(len, bodies)))
        found = client.head_object(Bucket="rooms", Key=KEY, ChecksumMode="ENABLED")
    assert found["ChecksumCRC64NVME"] == to_header(crc64nvme(b"".join(bodies)))
    assert found["ETag"] == etag


@pytest.mark.parametrize("whole_checksum", [True, False])
def test_parts_that_are_not_those_of_the_store_are_not_completed(
    s3: S3Client, transfers: S3Transfers, upload: MultipartUpload, whole_checksum: bool
) -> None:
    part = put(s3, transfers, upload, 1, BODY)
    upload = MultipartUpload(upload.s3_upload_id, whole_checksum)
    for wrong in (SentPart(1, part.length, part.crc ^ 1, part.etag), SentPart(2, 1, 0, part.etag)):
        with pytest.raises(IntegrityError, match="The upload does not match its checksum"):
            transfers.complete(KEY, upload, [wrong], part.crc, part.length)


def test_an_object_of_another_size_is_not_completed(
    s3: S3Client, transfers: S3Transfers, upload: MultipartUpload
) -> None:
    part = put(s3, transfers, upload, 1, BODY)
    upload = MultipartUpload(upload.s3_upload_id, whole_checksum=True)
    with pytest.raises(IntegrityError, match="found InvalidRequest"):
        transfers.complete(KEY, upload, [part], part.crc, part.length + 1)


def test_a_completion_whose_reply_was_lost_is_asked_for_again(
    s3: S3Client, transfers: S3Transfers, upload: MultipartUpload, far: S3Transfers, proxy: FaultProxy
) -> None:
    part = put(s3, transfers, upload, 1, BODY)
    proxy.script("POST .*uploadId", LoseReply())
    etag = far.complete(KEY, upload, [part], part.crc, part.length)
    assert s3.head_object(Bucket=transfers.bucket, Key=KEY)["ETag"] == etag


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AccessDenied", 403, Refused),
        ("NoSuchUpload", 404, NotFound),
        ("EntityTooSmall", 400, IntegrityError),
    ],
)
def test_an_answer_of_s3_is_told_in_our_words(
    far: S3Transfers, proxy: FaultProxy, code: str, status: int, error: type[Exception]
) -> None:
    proxy.script("POST .*uploadId", s3_error(status, code))
    with pytest.raises(error):
        far.complete(KEY, MultipartUpload("s3-upload", False), [SentPart(1, 1, 0, '"e"')], 0, 1)


def test_an_answer_that_means_nothing_to_us_is_passed_on(far: S3Transfers, proxy: FaultProxy) -> None:
    proxy.script("POST .*uploadId", s3_error(400, "MalformedXML"))
    with pytest.raises(ClientError, match="MalformedXML"):
        far.complete(KEY, MultipartUpload("s3-upload", False), [SentPart(1, 1, 0, '"e"')], 0, 1)
