"""Adapter: the routes of people who sign in: where they do that, and who they are then."""

# ruff: noqa: TC001 - FastAPI reads the annotations

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from sleap_rtc.events.sign_in_api import CallerView, SignIn
from sleap_rtc.service.callers import Anyone, P
from sleap_rtc.service.limit_headers import COUNTED
from sleap_rtc.service.problems import SIGNED_IN, answers
from sleap_rtc.storage.errors import NotFound

if TYPE_CHECKING:
    from sleap_rtc.settings import Settings

sign_in_api = APIRouter(prefix="/api")


@sign_in_api.get("/sign-in", responses=answers(NotFound))
def sign_in(parts: P) -> SignIn:
    """Say where people sign in for this service. Open to anybody: there is nothing secret in it."""
    if parts.sign_in is None:
        raise NotFound(what="sign-in at this service: it takes tokens that were given out otherwise")
    return parts.sign_in


@sign_in_api.get("/who-am-i", dependencies=[COUNTED], responses=answers(*SIGNED_IN))
def who_am_i(caller: Anyone) -> CallerView:
    """Say whom the caller's token was made for."""
    return CallerView(subject=caller.subject, name=caller.name, works_in=caller.works_in)


def sign_in_of(settings: Settings) -> SignIn | None:
    """Return where people sign in, None where the settings name no place."""
    discovery_url = settings.discovery_url
    if not discovery_url and settings.issuer.startswith(("https://", "http://")):
        discovery_url = f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration"
    if not discovery_url:
        return None
    return SignIn(
        issuer=settings.issuer,
        discovery_url=discovery_url,
        client_id=settings.audience,
        scopes=settings.sign_in_scopes,
        redirect_ports=settings.sign_in_ports,
    )
