"""Errors of S3 and of the way there, in our words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from support.fault_proxy import FaultProxy, Reset, Truncate, s3_error

from sleap_rtc.local.engine import free_port
from sleap_rtc.storage.errors import (
    ExitCode,
    NotFound,
    PreconditionFailed,
    Refused,
    SleapRtcError,
    Unreachable,
    WriteConflict,
)
from sleap_rtc.storage.object_store import Create, Overwrite
from sleap_rtc.storage.s3_store import S3ObjectStore

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

KEY = "lab/room.json"


def once_only(url: str, bucket: str) -> S3ObjectStore:
    """Return a store that asks once, so that the error of one request is seen as it is."""
    config = Config(
        s3={"addressing_style": "path"},
        retries={"total_max_attempts": 1},
        request_checksum_calculation="when_required",
    )
    client = boto3.client("s3", region_name="us-east-1", endpoint_url=url, config=config)
    return S3ObjectStore(client, bucket)


@pytest.mark.parametrize(
    ("status", "code", "error", "exit_code"),
    [
        (412, "PreconditionFailed", PreconditionFailed, ExitCode.UNEXPECTED),
        (409, "ConditionalRequestConflict", WriteConflict, ExitCode.UNEXPECTED),
        (409, "OperationAborted", WriteConflict, ExitCode.UNEXPECTED),
        (404, "NoSuchBucket", NotFound, ExitCode.NOT_FOUND),
        (403, "AccessDenied", Refused, ExitCode.REFUSED),
        (403, "SignatureDoesNotMatch", Refused, ExitCode.REFUSED),
        (400, "ExpiredToken", Refused, ExitCode.REFUSED),
        (503, "SlowDown", Unreachable, ExitCode.UNREACHABLE),
        (500, "InternalError", Unreachable, ExitCode.UNREACHABLE),
    ],
)
def test_an_error_of_s3_is_told_in_our_words(
    proxy: FaultProxy, bucket: str, status: int, code: str, error: type[SleapRtcError], exit_code: ExitCode
) -> None:
    proxy.script("PUT", s3_error(status, code))
    with pytest.raises(error) as raised:
        once_only(proxy.url, bucket).put(KEY, b"", Create())
    assert raised.value.exit_code == exit_code


def test_an_error_that_means_nothing_to_us_is_passed_on(proxy: FaultProxy, bucket: str) -> None:
    proxy.script("PUT", s3_error(400, "MalformedXML"))
    with pytest.raises(ClientError, match="MalformedXML"):
        once_only(proxy.url, bucket).put(KEY, b"", Create())


def test_a_bucket_that_is_not_there_is_not_found(engine_url: str) -> None:
    store = once_only(engine_url, "no-such-bucket")
    for use in (lambda: list(store.list("")), lambda: store.put(KEY, b"", Overwrite())):
        with pytest.raises(NotFound):
            use()


def test_nobody_at_the_address_is_unreachable(bucket: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(
        Unreachable, match=rf"The object store at {url}\S* does not answer \(connection refused"
    ):
        once_only(url, bucket).head(KEY)


@pytest.mark.parametrize("fault", [Reset(), Truncate(2)], ids=["no reply", "half a body"])
def test_a_cut_connection_is_unreachable(proxy: FaultProxy, bucket: str, fault: Reset | Truncate) -> None:
    store = once_only(proxy.url, bucket)
    store.put(KEY, b"body", Overwrite())
    proxy.script("GET", fault)
    with pytest.raises(Unreachable):
        store.get(KEY)


def test_no_credentials_are_told_as_such(
    engine_url: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(Refused, match="no AWS credentials were found"):
        once_only(engine_url, bucket).head(KEY)


def test_a_store_that_is_busy_for_a_moment_is_asked_again(
    proxy: FaultProxy, far_s3: S3Client, bucket: str
) -> None:
    proxy.script("PUT", s3_error(503, "SlowDown"))
    store = S3ObjectStore(far_s3, bucket)
    store.put(KEY, b"body", Create())
    assert store.get(KEY).body == b"body"
