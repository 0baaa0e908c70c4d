"""Pure: what differs between development, staging and production, all of it in `RULES`."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from sleap_rtc.settings.model import Environment, Settings

# A token, a presigned URL or the keys that tokens are verified with travel to and from these.
ADDRESSES = (
    "backend_api_url",
    "live_signaling_url",
    "live_signaling_http_url",
    "s3_endpoint_url",
    "sqs_endpoint_url",
    "jwks_url",
    "discovery_url",
    "metrics_push_url",
)


@dataclass(frozen=True)
class Rules:
    """What holds in an environment.

    Attributes:
        tls_required: addresses that are not on this machine begin with https://.
        json_logs: logs are JSON lines for a collector, not text for a terminal.
        anonymous_signin: unless the setting says otherwise, the signaling server gives a token to anybody.
        existing_tool: unless the setting says otherwise, a worker serves clients of the existing tool
            and prints what lets them in.
    """

    tls_required: bool
    json_logs: bool
    anonymous_signin: bool
    existing_tool: bool


# Staging rehearses production: what is accepted there is accepted in production.
RULES: dict[Environment, Rules] = {
    "development": Rules(tls_required=False, json_logs=False, anonymous_signin=True, existing_tool=True),
    "staging": Rules(tls_required=True, json_logs=True, anonymous_signin=False, existing_tool=False),
    "production": Rules(tls_required=True, json_logs=True, anonymous_signin=False, existing_tool=False),
}


def refusals(settings: Settings) -> dict[str, str]:
    """Return the settings whose values the environment does not allow, and why."""
    if not RULES[settings.environment].tls_required:
        return {}
    why = f"in {settings.environment} an address that is not on this machine begins with "
    return {
        name: why + _scheme(name)
        for name in ADDRESSES
        if not _protected(getattr(settings, name) or "", _scheme(name))
    }


def anonymous_signin(settings: Settings) -> bool:
    """Tell whether the signaling server gives a token to anybody who asks."""
    if settings.anonymous_signin is not None:
        return settings.anonymous_signin
    return RULES[settings.environment].anonymous_signin


def existing_tool(settings: Settings) -> bool:
    """Tell whether a worker serves clients of the existing tool."""
    if settings.existing_tool is not None:
        return settings.existing_tool
    return RULES[settings.environment].existing_tool


def _scheme(name: str) -> str:
    return "wss://" if name == "live_signaling_url" else "https://"


def _protected(address: str, scheme: str) -> bool:
    if not address or address.lower().startswith(scheme):
        return True
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    return is_loopback(host)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
