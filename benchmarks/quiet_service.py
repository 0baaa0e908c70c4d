"""Orchestration: one instance of the service that has nothing else to do, and a room in it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from engines import seaweedfs
from ground import QuietStack

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.local.engine import start_engine
from sleap_rtc.local.stack import External

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class _Unlimited(QuietStack):
    """A local stack that takes as many requests as come."""

    more = MappingProxyType(
        {"SLEAP_RTC_USER_REQUESTS_PER_MINUTE": "0", "SLEAP_RTC_ROOM_REQUESTS_PER_MINUTE": "0"}
    )


@dataclass(frozen=True)
class QuietService:
    """The service, a client of it, and a room of his."""

    url: str
    s3_url: str
    token: str
    client: ServiceClient
    room_id: str


@contextmanager
def quiet_service(folder: Path, way: Callable[[str], str] = lambda url: url) -> Iterator[QuietService]:
    """Run a service in a folder.

    Args:
        folder: is made.
        way: returns at which address the service reaches the store at this one.
    """
    folder.mkdir(parents=True)
    with seaweedfs(folder / "weed") as weed:
        (folder / "engine").mkdir()
        engine, queues_url = start_engine(folder / "engine", folder / "engine.log")
        try:
            with _Unlimited(folder / "stack", External(queues_url, way(weed.url))) as stack:
                token = stack.client_environment["SLEAP_RTC_TOKEN"]
                client = ServiceClient(stack.service_url, token)
                room_id = client.create_room("Bench").room_id
                yield QuietService(stack.service_url, weed.url, token, client, room_id)
        finally:
            engine.stop()
