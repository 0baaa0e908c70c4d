"""Pure: every setting, its type, its default and its bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "SLEAP_RTC_"
LEGACY_WS_PORT = 8080
"""At which the existing tool's signaling server has its WebSocket."""
LEGACY_HTTP_PORT = 8001
"""At which it has its HTTP API."""
Environment = Literal["development", "staging", "production"]
WorkerKindSetting = Literal["auto", "desktop", "runai", "kubernetes"]


def _listed(value: Any) -> Any:
    """Return the parts of what is a list in a file, and a text with commas in a variable."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


# Of the forms of RFC 7064 and RFC 7065; `stun:host`, `turns:host:443?transport=tcp`.
StunUrl = Annotated[str, Field(pattern=r"^stuns?:[^\s,]+$")]
TurnUrl = Annotated[str, Field(pattern=r"^turns?:[^\s,]+$")]


# Of RFC 6749, 3.3.
Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]
Port = Annotated[int, Field(ge=1, le=65_535)]


class Settings(BaseSettings):
    """Every setting of the product; each is documented in docs/reference/settings.md."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    environment: Environment = "development"
    backend_api_url: str = "http://127.0.0.1:8700"
    token: SecretStr = SecretStr("")
    data_dir: Path = Field(default_factory=lambda: Path.home() / ".sleap-rtc")

    shared_dir: Path | None = None

    worker_kind: WorkerKindSetting = "auto"
    gpu: str = Field("", coerce_numbers_to_str=True)
    cache_dir: Path | None = None
    cache_budget_bytes: int = Field(200_000_000_000, ge=0)
    cache_free_floor_bytes: int = Field(5_000_000_000, ge=0)

    live_signaling_url: str = ""
    live_signaling_http_url: str = ""
    existing_tool: bool | None = None
    served_models_bytes: int = Field(20_000_000_000, ge=0)

    s3_upload_bucket: str = "sleap-rtc-uploads"
    s3_room_bucket: str = "sleap-rtc-rooms"
    s3_region: str = "us-east-1"
    s3_endpoint_url: str | None = None
    in_region: bool | None = None
    sqs_endpoint_url: str | None = None

    large_file_threshold: int = Field(100_000_000, ge=0)
    multipart_chunk_size: int = Field(100_000_000, ge=5 * 1024 * 1024)
    max_concurrent_parts: int = Field(10, ge=1, le=64)
    bandwidth_limit: int = Field(0, ge=0)
    price_table: Path | None = None
    relay_usd_per_gb: float | None = Field(None, ge=0, allow_inf_nan=False)

    upload_events_queue: str = "sleap-rtc-upload-events"
    model_events_queue: str = "sleap-rtc-model-events"
    room_events_topic: str = "sleap-rtc-room-events"
    job_queue_prefix: str = "sleap-rtc-jobs"
    poll_wait_s: int = Field(10, ge=0, le=20)
    event_visibility_s: int = Field(60, ge=1, le=43_200)
    job_lease_s: int = Field(120, ge=2, le=43_200)
    most_attempts: int = Field(3, ge=1)
    checkpoint_every_s: float = Field(60, ge=0, allow_inf_nan=False)
    reconcile_interval_s: float = Field(300, gt=0, allow_inf_nan=False)
    drain_s: float = Field(30, ge=1, le=3600, allow_inf_nan=False)
    drain_notice_s: float = Field(5, ge=0, le=600, allow_inf_nan=False)
    metrics_port: int = Field(0, ge=0, le=65_535)
    metrics_push_url: str = ""

    signaling_ws_port: int = Field(0, ge=0, le=65_535)
    signaling_http_port: int = Field(0, ge=0, le=65_535)
    anonymous_signin: bool | None = None
    stun_urls: Annotated[tuple[StunUrl, ...], NoDecode, BeforeValidator(_listed)] = ()
    turn_urls: Annotated[tuple[TurnUrl, ...], NoDecode, BeforeValidator(_listed)] = ()
    turn_secret: SecretStr = SecretStr("")

    user_requests_per_minute: int = Field(6_000, ge=0)
    room_requests_per_minute: int = Field(30_000, ge=0)
    rate_limit_store: SecretStr = SecretStr("")
    user_open_uploads: int = Field(100, ge=0)
    user_open_bytes: int = Field(20_000_000_000_000, ge=0)
    room_open_uploads: int = Field(1_000, ge=0)
    room_open_bytes: int = Field(100_000_000_000_000, ge=0)

    jwks_url: str = ""
    issuer: str = ""
    audience: str = "sleap-rtc"
    discovery_url: str = ""
    sign_in_scopes: Annotated[tuple[Scope, ...], NoDecode, BeforeValidator(_listed)] = ("openid", "profile")
    sign_in_ports: Annotated[tuple[Port, ...], NoDecode, BeforeValidator(_listed)] = ()

    @property
    def signaling_url(self) -> str:
        """Where the live peers of a room find each other: the service's own unless another one is set."""
        return self.live_signaling_url or f"ws{self.backend_api_url.removeprefix('http').rstrip('/')}/ws"

    @property
    def signaling_http_url(self) -> str:
        """Where the signaling's HTTP API is: beside its WebSocket, or the service's own."""
        if self.live_signaling_http_url or not self.live_signaling_url:
            return (self.live_signaling_http_url or self.backend_api_url).rstrip("/")
        place = urlsplit(self.live_signaling_url)
        scheme = "https" if place.scheme == "wss" else "http"
        host, _, port = place.netloc.rpartition(":")
        return f"{scheme}://{f'{host}:{LEGACY_HTTP_PORT}' if port == str(LEGACY_WS_PORT) else place.netloc}"
