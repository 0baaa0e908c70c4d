"""Adapter: reads the settings from the environment and from `sleap-rtc.toml`.

The file is looked for in the working directory, then in the user's configuration folder; `SLEAP_RTC_CONFIG`
names another one. The environment wins over the file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from platformdirs import user_config_path
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from sleap_rtc.storage.errors import ExitCode, SleapRtcError

FILE_NAME = "sleap-rtc.toml"


class SettingsError(SleapRtcError):
    """The setting {name} is wrong: {why}."""

    exit_code = ExitCode.BAD_INPUT
    name: str
    why: str


class Settings(BaseSettings):
    """Every setting of the product; each is documented in docs/reference/settings.md."""

    model_config = SettingsConfigDict(env_prefix="SLEAP_RTC_", extra="forbid", frozen=True)

    environment: Literal["development", "staging", "production"] = "development"
    backend_api_url: str = "http://127.0.0.1:8700"
    token: SecretStr = SecretStr("")
    data_dir: Path = Field(default_factory=lambda: Path.home() / ".sleap-rtc")

    cache_dir: Path | None = None
    cache_budget_bytes: int = Field(200_000_000_000, ge=0)
    cache_free_floor_bytes: int = Field(5_000_000_000, ge=0)

    s3_upload_bucket: str = "sleap-rtc-uploads"
    s3_room_bucket: str = "sleap-rtc-rooms"
    s3_region: str = "us-east-1"
    s3_endpoint_url: str | None = None
    sqs_endpoint_url: str | None = None

    large_file_threshold: int = Field(100_000_000, ge=0)
    multipart_chunk_size: int = Field(100_000_000, ge=5 * 1024 * 1024)
    max_concurrent_parts: int = Field(10, ge=1, le=64)
    bandwidth_limit: int = Field(0, ge=0)

    upload_events_queue: str = "sleap-rtc-upload-events"
    model_events_queue: str = "sleap-rtc-model-events"
    room_events_topic: str = "sleap-rtc-room-events"
    job_queue_prefix: str = "sleap-rtc-jobs"
    poll_wait_s: int = Field(10, ge=0, le=20)
    event_visibility_s: int = Field(60, ge=1, le=43_200)
    job_lease_s: int = Field(120, ge=2, le=43_200)
    most_attempts: int = Field(3, ge=1)
    reconcile_interval_s: float = Field(300, gt=0)
    metrics_port: int = Field(0, ge=0, le=65_535)

    jwks_url: str = ""
    issuer: str = ""
    audience: str = "sleap-rtc"


def load_settings() -> Settings:
    """Return the settings that hold here.

    Raises:
        SettingsError: a value is wrong, or a key of the file is unknown.
    """
    path = settings_file()
    try:
        return _with_file(path)()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(step) for step in first["loc"]) or "?"
        raise SettingsError(name=name, why=first["msg"]) from error
    except ValueError as error:
        raise SettingsError(name=str(path), why=f"the file is not valid TOML ({error})") from error


def settings_file() -> Path | None:
    """Return the settings file that applies, None where there is none.

    Raises:
        SettingsError: `SLEAP_RTC_CONFIG` names a file that does not exist.
    """
    named = os.environ.get("SLEAP_RTC_CONFIG")
    if named:
        if not Path(named).is_file():
            raise SettingsError(name="SLEAP_RTC_CONFIG", why=f"there is no file {named}")
        return Path(named)
    for candidate in (Path(FILE_NAME), user_config_path("sleap-rtc") / FILE_NAME):
        if candidate.is_file():
            return candidate
    return None


def _with_file(path: Path | None) -> type[Settings]:
    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del dotenv_settings, file_secret_settings  # one file and the environment are enough
            sources: tuple[PydanticBaseSettingsSource, ...] = (init_settings, env_settings)
            if path is not None:
                sources = (*sources, TomlConfigSettingsSource(settings_cls, path))
            return sources

    return FromFile
