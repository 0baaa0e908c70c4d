"""Adapter: one way to make a boto3 S3 client, and to say what its errors mean.

The configuration is written out because the defaults differ from what presigned multipart uploads need:
Signature Version 4 (so that length and checksum are signed headers), and checksums only where we ask for
them (boto3 adds CRC32 on its own since 1.36, which a URL's holder would then have to send).
"""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError

from sleap_rtc.storage.call_events import tell_calls
from sleap_rtc.storage.errors import NotFound, PreconditionFailed, Refused, Unreachable, WriteConflict
from sleap_rtc.storage.traffic import unheard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3 import S3Client

    from sleap_rtc.storage.errors import SleapRtcError
    from sleap_rtc.storage.traffic import TrafficHook

_MISSING = {"404", "NoSuchKey", "NoSuchBucket", "NoSuchUpload", "NotFound"}
# With words of our own where S3's code does not tell what to do.
_DENIED = {
    "403": "",
    "AccessDenied": "",
    "InvalidAccessKeyId": "",
    "SignatureDoesNotMatch": "",
    "ExpiredToken": "",
    "RequestTimeTooSkewed": "the clock of the machine that asks is wrong by over 15 minutes; set it right",
}


def s3_client(region: str, endpoint_url: str | None = None, on_traffic: TrafficHook = unheard) -> S3Client:
    """Return an S3 client whose credentials come from boto3's own chain.

    Args:
        region: such as us-east-1.
        endpoint_url: a store that is not AWS; addressed by path, since its host has no wildcard name.
        on_traffic: told of every request.
    """
    client = boto3.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint_url,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if endpoint_url else "virtual"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"mode": "standard", "max_attempts": 4},
            connect_timeout=5,
            read_timeout=30,
            max_pool_connections=32,
        ),
    )
    tell_calls(client, "s3", on_traffic)
    return client


def error_code(error: ClientError) -> str:
    """Return S3's error code, such as NoSuchUpload."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _meaning(error: ClientError, what: str) -> SleapRtcError | None:
    code = error_code(error)
    if code in {"PreconditionFailed", "412"}:
        return PreconditionFailed(key=what)
    if code in {"ConditionalRequestConflict", "OperationAborted", "409"}:
        return WriteConflict(key=what)
    if code in _MISSING:
        return NotFound(what=f"object {what}")
    if code in _DENIED:
        return Refused(where="The object store", why=_DENIED[code] or f"{code} for {what}")
    if (
        error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        return Unreachable(where="The object store", why=code)
    return None


@contextmanager
def s3_errors(what: str) -> Iterator[None]:
    """Turn the errors of boto3 into ours. `what` is the key or bucket that the call is about."""
    try:
        yield
    except ClientError as error:
        meaning = _meaning(error, what)
        if meaning is None:
            raise
        raise meaning from error
    except EndpointConnectionError as error:
        where = f"The object store at {error.kwargs.get('endpoint_url', '?')}"
        raise Unreachable(where=where, why="connection refused") from error
    except NoCredentialsError as error:
        raise Refused(where="The object store", why="no AWS credentials were found") from error
    except BotoCoreError as error:
        raise Unreachable(where="The object store", why=type(error).__name__) from error
