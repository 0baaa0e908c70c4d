"""Orchestration: what the sections of the transfer benchmark stand on: a store, services that sign for it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from engines import CREDENTIALS, seaweedfs
from link import Link

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.local.engine import start_engine
from sleap_rtc.local.stack import External, LocalStack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack
    from pathlib import Path

    from types_boto3_s3 import S3Client

MIB = 1024 * 1024
BUCKET = "bench"
UPLOADS_BUCKET = "sleap-rtc-uploads"
# Of the free space: what deleted objects may hold before it is taken back, which costs the store a rewrite.
_VACUUM_SHARE = 1 / 4


class QuietStack(LocalStack):
    """A local stack whose sweep stays out of the measurements."""

    more: Mapping[str, str] = {}

    @property
    def cloud_environment(self) -> dict[str, str]:
        """What the service needs."""
        return {**super().cloud_environment, "SLEAP_RTC_RECONCILE_INTERVAL_S": "3600", **self.more}


@dataclass(frozen=True)
class Sent:
    """An object that `uploads put` made."""

    bucket: str
    key: str
    size_bytes: int
    checksum: str

    @property
    def dataset(self) -> str:
        """The same as a job names it, JSON."""
        path = f"s3://{self.bucket}/{self.key}"
        return json.dumps({"path": path, "size_bytes": self.size_bytes, "checksum": self.checksum})


class Route:
    """One way to the store (plain, TLS, over the link) and the service that signs URLs for it."""

    def __init__(
        self, url: str, stack: QuietStack, client: Mapping[str, str], cloud: Mapping[str, str]
    ) -> None:
        self.url = url
        self.client = {**stack.client_environment, **client}
        self.cloud = cloud
        self._service = ServiceClient(stack.service_url, self.client["SLEAP_RTC_TOKEN"])

    def put(self, file: Path, room_id: str) -> list[str]:
        """Return the command that uploads a file."""
        return [
            sys.executable,
            "-m",
            "sleap_rtc.client",
            "uploads",
            "put",
            str(file),
            "-r",
            room_id,
            "--json",
        ]

    def room(self) -> str:
        """Make a room. Every measured upload gets one: what a room has is not sent to it again."""
        return self._service.create_room("Bench").room_id


def read_sent(output: str) -> Sent:
    """Read the JSON object that `uploads put --json` printed last.

    Raises:
        ValueError, KeyError: there is none, or it says something else.
    """
    told = json.loads(output[output.rfind("\n{") + 1 :])
    bucket, _, key = str(told["path"]).removeprefix("s3://").partition("/")
    return Sent(bucket, key, int(told["size_bytes"]), str(told["checksum"]))


class Ground:
    """One SeaweedFS, one engine for queues, and routes that start when they are first wanted.

    Args:
        folder: where everything lies; the caller removes it.
        stack: what ends everything.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self.store = stack.enter_context(seaweedfs(folder / "weed"))
        (folder / "queues").mkdir()
        queues, self._queues_url = start_engine(folder / "queues", folder / "queues.log")
        stack.callback(queues.stop)
        self.s3 = _s3_client(self.store.url)
        self.s3.create_bucket(Bucket=BUCKET)
        self._routes: dict[str, Route] = {}
        self._deleted_bytes = 0

    @cached_property
    def link(self) -> Link:
        """The proxy in front of the store, for what the network is to do."""
        return self._stack.enter_context(Link(self.store.url))

    def cloud(self, url: str) -> dict[str, str]:
        """Return the credentials, and whom to trust, for tools that talk to the store at this address."""
        # A home of their own, so that the settings of whoever runs the benchmark stay out.
        region = {"AWS_DEFAULT_REGION": "us-east-1", "HOME": str(self.folder)}
        return {**CREDENTIALS, **region, **self._trust(url)}

    def route(self, url: str) -> Route:
        """Return the way to the store that leads over this address."""
        if url not in self._routes:
            folder = self.folder / f"stack{len(self._routes)}"
            stack = QuietStack(folder, External(self._queues_url, url))
            stack.more = self._trust(url)
            self._stack.enter_context(stack)
            client = {"HOME": str(self.folder), **self._trust(url)}
            self._routes[url] = Route(url, stack, client, self.cloud(url))
        return self._routes[url]

    def _trust(self, url: str) -> dict[str, str]:
        if not url.startswith("https:"):
            return {}
        ca = str(self.store.ca)
        # OpenSSL, Go and Rust read the first; botocore, the service's own included, reads the second.
        return {"SSL_CERT_FILE": ca, "AWS_CA_BUNDLE": ca}

    def file(self, name: str, size_bytes: int) -> Path:
        """Return a file of random bytes."""
        path = self.folder / name
        with path.open("wb") as file:
            for start in range(0, size_bytes, MIB):
                file.write(os.urandom(min(MIB, size_bytes - start)))
        return path

    def sign_get(self, url: str, bucket: str, key: str) -> str:
        """Return a presigned URL that reads an object over this address."""
        return _s3_client(url).generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})

    def clear(self, *kept: str) -> None:
        """Delete every object of both buckets but those with these keys; free their space if it is scarce."""
        for bucket in (BUCKET, UPLOADS_BUCKET):
            for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for item in page.get("Contents", []):
                    if item["Key"] not in kept:
                        self.s3.delete_object(Bucket=bucket, Key=item["Key"])
                        self._deleted_bytes += item["Size"]
        if self._deleted_bytes > shutil.disk_usage(self.folder).free * _VACUUM_SHARE:
            self.store.vacuum()
            self._deleted_bytes = 0


def _s3_client(url: str) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
