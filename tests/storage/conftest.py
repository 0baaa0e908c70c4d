"""Clients take a fifth of a second to make, so these tests share theirs, and the proxy before the engine."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from support.fault_proxy import FaultProxy

from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3 import S3Client


def client_of(url: str) -> S3Client:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        return s3_client("us-east-1", url)


@pytest.fixture(scope="session")
def s3(engine_url: str) -> S3Client:
    """Return an S3 client on the engine."""
    return client_of(engine_url)


@pytest.fixture(scope="session")
def weed_s3(seaweedfs_url: str) -> S3Client:
    """Return an S3 client on SeaweedFS."""
    return client_of(seaweedfs_url)


@pytest.fixture
def weed(weed_s3: S3Client) -> S3ObjectStore:
    """Return a new, empty bucket on SeaweedFS."""
    name = f"b-{uuid.uuid4().hex[:12]}"
    weed_s3.create_bucket(Bucket=name)
    return S3ObjectStore(weed_s3, name)


@pytest.fixture(scope="session")
def _shared_proxy(engine_url: str) -> Iterator[FaultProxy]:
    with FaultProxy(engine_url) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def far_s3(_shared_proxy: FaultProxy) -> S3Client:
    """Return an S3 client whose way to the engine leads through the proxy."""
    return client_of(_shared_proxy.url)


@pytest.fixture
def proxy(_shared_proxy: FaultProxy) -> FaultProxy:
    """Return the proxy, nothing scripted and nothing seen yet."""
    _shared_proxy.forget()
    return _shared_proxy
