"""Orchestration: picks the implementations that the client runs on."""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from sleap_rtc.client.bearer import bearer, signaling_bearer
from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.client.own_usage import OWN_USAGE
from sleap_rtc.client.rate import parse_rate
from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.client.uploader import S3Uploader
from sleap_rtc.events import tracing
from sleap_rtc.events.span_keeper import SpanKeeper
from sleap_rtc.observability.collector import is_wanted
from sleap_rtc.settings import load_settings
from sleap_rtc.storage.bandwidth import BandwidthLimit, Throttle
from sleap_rtc.storage.telling import tell
from sleap_rtc.storage.traffic import Traffic, both

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from sleap_rtc.client.environment_doctor import EnvironmentDoctor
    from sleap_rtc.client.live_job import LiveJob
    from sleap_rtc.client.peer_or_store import ModelPeers, PeersOf
    from sleap_rtc.client.push import ModelPusher
    from sleap_rtc.events.span_table import SpanName
    from sleap_rtc.settings import Settings

_PATIENCE_WITH_PEERS_S = 5.0
"""Not long: whatever they would give of a model, the store has."""


def settings_for(limit: str) -> Settings:
    """Return the settings that hold here; a command's own `--limit` comes before the one among them.

    Raises:
        InputError: the limit is no rate.
    """
    settings = load_settings()
    return settings.model_copy(update={"bandwidth_limit": parse_rate(limit)}) if limit else settings


def measure(settings: Settings) -> None:
    """Measure what this process does from now on, if there is somebody to tell it."""
    if settings.metrics_push_url:
        from sleap_rtc.observability.push import push_until_exit

        push_until_exit(settings.metrics_push_url, "client")
    if is_wanted(os.environ, "metrics"):
        from sleap_rtc.observability.telemetry import telemetry_until_exit

        # Later than the push, so that it ends before: what a collector did not take is pushed, too.
        telemetry_until_exit("client")


def traffic(settings: Settings) -> Traffic:
    """Return what is told of this process's requests and bytes."""
    return Traffic(both(OWN_USAGE, tell), "in_region" if settings.in_region else "internet")


def service_client(settings: Settings | None = None) -> ServiceClient:
    """Return the service that the settings name."""
    settings = settings or load_settings()
    measure(settings)
    return ServiceClient(settings.backend_api_url, bearer(settings))


@contextmanager
def traced(command: SpanName, service: ServiceClient) -> Iterator[None]:
    """Begin a trace that is the command's; what it comes to is kept with the job that is submitted in it."""
    from sleap_rtc.observability.telemetry import telemetry_until_exit

    keeper = SpanKeeper(service.traces)
    on_span = tracing.all_of(keeper, telemetry_until_exit("client").on_span)
    try:
        with tracing.begun(command, "client", on_span, {}):
            yield
    finally:
        keeper.close()


def uploader(service: ServiceClient, settings: Settings, say: Callable[[str], None]) -> S3Uploader:
    """Return what sends files."""
    return S3Uploader(
        service,
        settings.multipart_chunk_size,
        settings.max_concurrent_parts,
        say,
        bandwidth_limit=settings.bandwidth_limit,
        traffic=traffic(settings),
    )


def pusher(service: ServiceClient, settings: Settings, say: Callable[[str], None]) -> ModelPusher:
    """Return what brings models to rooms."""
    from sleap_rtc.client.push import ModelPusher  # what it says over HTTP takes long to load

    return ModelPusher(
        service,
        registry(settings),
        settings.multipart_chunk_size,
        settings.max_concurrent_parts,
        Throttle(BandwidthLimit(settings.bandwidth_limit)) if settings.bandwidth_limit else None,
        say,
        traffic=traffic(settings),
    )


def peers_of(settings: Settings, room_id: str) -> PeersOf:
    """Return what asks the desktops of a room for models; nobody where the packages for it are missing."""

    def asking(peer_ids: Sequence[str], /) -> AbstractContextManager[ModelPeers | None]:
        from sleap_rtc.live.engine import engine_missing

        if not peer_ids or engine_missing():
            return nullcontext()
        from sleap_rtc.client.live_room import live_room
        from sleap_rtc.client.peer_models import PeerModels

        token, within_s = signaling_bearer(settings), _PATIENCE_WITH_PEERS_S
        return PeerModels(
            lambda: live_room(settings.signaling_url, room_id, token, within_s=within_s),
            peer_ids,
            traffic=traffic(settings),
        )

    return asking


def live_job(
    settings: Settings, service: ServiceClient, room_id: str, job_id: str, *, events: bool = True
) -> LiveJob:
    """Return what watches and commands a job; without `events` it is there for commands alone."""
    from sleap_rtc.client.live_job import LiveJob
    from sleap_rtc.client.live_room import client_name, live_room
    from sleap_rtc.live.engine import engine_missing

    token, name = signaling_bearer(settings), client_name()
    return LiveJob(
        service,
        lambda: live_room(settings.signaling_url, room_id, token, name),
        room_id,
        job_id,
        engine_missing=engine_missing(),
        events=events,
    )


def environment_doctor(settings: Settings, alarms: str, within_s: float) -> EnvironmentDoctor:
    """Return what checks the environment that the settings are of."""
    from sleap_rtc.client.environment_address import ServiceAddress
    from sleap_rtc.client.environment_doctor import EnvironmentDoctor
    from sleap_rtc.client.environment_operator import Operator
    from sleap_rtc.client.environment_signaling import registers

    service, token = service_client(settings), signaling_bearer(settings)
    return EnvironmentDoctor(
        ServiceAddress(settings.backend_api_url),
        service,
        uploader(service, settings, lambda _: None),
        lambda room_id: registers(settings.signaling_url, room_id, token),
        lambda: Operator(settings, alarms, within_s),
        within_s,
    )


def registry(settings: Settings) -> ClientModelRegistry:
    """Return the models of this machine."""
    return ClientModelRegistry(settings.data_dir / "models" / "manifest.json")
