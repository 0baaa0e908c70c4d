"""The existing tool's signals and our own, side by side through the signaling server."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from support.loop import in_loop, until
from support.signaling import TAGS, open_hall

from sleap_rtc.live.legacy_signaling import (
    AppMessage,
    LegacyAnswered,
    LegacyDeclined,
    LegacyOffered,
    LegacyReceived,
)
from sleap_rtc.live.signaling import Received, SessionOffered
from sleap_rtc.live.signaling_client import Card, SignalingClient
from sleap_rtc.live.signaling_messages import Metadata

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.signaling import Hall

    from sleap_rtc.local.issuer import LocalIssuer


@asynccontextmanager
async def member(
    hall: Hall, room_id: str, subject: str, role: str = "client"
) -> AsyncIterator[tuple[SignalingClient, list[LegacyReceived]]]:
    """Yield somebody who is in a room, and the existing tool's signals that he hears."""
    hall.let_in(room_id, subject, "member")
    token = hall.issuer.token(subject)
    heard: list[LegacyReceived] = []
    card = Card(room_id, subject, role, Metadata(tags=TAGS, properties={"status": "available"}))
    peer = SignalingClient(hall.ws_url, card, lambda: token)
    peer.listen_legacy(heard.append)
    async with peer.running():
        await peer.registered()
        yield peer, heard


async def next_of(heard: list[LegacyReceived]) -> LegacyReceived:
    await until(lambda: bool(heard))
    return heard.pop(0)


@in_loop
async def test_signals_of_both_kinds_arrive_where_they_belong(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, _ = hall.open_room()
        as_worker, as_client = member(hall, room, "gpu", "worker"), member(hall, room, "bob")
        async with as_worker as (worker, worker_heard), as_client as (client, client_heard):
            request = AppMessage({"app_message_type": "job_request", "dataset": {"type": "s3", "x": None}})
            for signal in (LegacyOffered("v=0"), request):
                await client.send_legacy("gpu", signal)
                assert await next_of(worker_heard) == LegacyReceived("bob", signal)
            assert request.kind == "job_request"
            await worker.send_legacy("bob", LegacyAnswered("v=0"))
            assert await next_of(client_heard) == LegacyReceived("gpu", LegacyAnswered("v=0"))
            await client.send("gpu", SessionOffered("s1", "v=0"))
            assert await anext(worker.receive()) == Received("bob", SessionOffered("s1", "v=0"))
            assert not worker_heard


@in_loop
async def test_a_worker_declines_and_the_client_is_told_why(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, _ = hall.open_room()
        as_worker, as_client = member(hall, room, "gpu", "worker"), member(hall, room, "bob")
        async with as_worker as (worker, worker_heard), as_client as (client, client_heard):
            await client.send_legacy("gpu", LegacyOffered("v=0"))
            await next_of(worker_heard)
            declined = LegacyDeclined("It trains for somebody else.", "busy")
            await worker.send_legacy("bob", declined)
            assert await next_of(client_heard) == LegacyReceived("", declined)


@in_loop
async def test_the_server_declines_for_a_busy_worker_and_for_one_that_is_not_there(
    token_issuer: LocalIssuer,
) -> None:
    async with open_hall(token_issuer) as hall:
        room, _ = hall.open_room()
        as_worker, as_client = member(hall, room, "gpu", "worker"), member(hall, room, "bob")
        async with as_worker as (worker, worker_heard), as_client as (client, heard):
            await worker.update_metadata(Metadata(properties={"status": "busy"}))
            for target, status in (("gpu", "busy"), ("nobody", "")):
                await client.send_legacy(target, LegacyOffered("v=0"))
                declined = (await next_of(heard)).signal
                assert isinstance(declined, LegacyDeclined)
                assert declined.why
                assert declined.status == status
            assert not worker_heard
