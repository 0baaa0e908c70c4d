"""A peer's side of the signaling, with a real server on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.loop import in_loop, until
from support.signaling_server import GOOD_TOKEN, SignalingServer

from sleap_rtc.live import signaling_client
from sleap_rtc.live.errors import PeerUnreachable
from sleap_rtc.live.ice_server import IceServer
from sleap_rtc.live.sessions import Sessions
from sleap_rtc.live.signaling import Received, SessionAnswered, SessionDeclined, SessionOffered, Signal
from sleap_rtc.live.signaling_client import Card, SignalingClient
from sleap_rtc.live.signaling_messages import CloseCode, Metadata, PeerMessage
from sleap_rtc.live.token_subject import token_subject
from sleap_rtc.storage.errors import InputError, Refused, Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sleap_rtc.live.peer_session import PeerSession


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signaling_client, "LONGEST_PAUSE_S", 0.05)


def client(
    server: SignalingServer, peer_id: str = "ada", room_id: str = "lab", **more: Any
) -> SignalingClient:
    return SignalingClient(server.url, Card(room_id, peer_id, **more), lambda: GOOD_TOKEN)


@asynccontextmanager
async def two(server: SignalingServer) -> AsyncIterator[tuple[SignalingClient, SignalingClient]]:
    ada, bob = (
        client(server, "ada"),
        client(server, "bob", role="worker", metadata=Metadata(tags=["sleap-rtc"])),
    )
    async with ada.running(), bob.running():
        await ada.registered()
        await bob.registered()
        yield ada, bob


@in_loop
async def test_signals_arrive_as_they_were_sent() -> None:
    async with SignalingServer().running() as server, two(server) as (ada, bob):
        sent: list[Signal] = [
            SessionOffered("s1", "v=0"),
            SessionAnswered("s1", "v=0"),
            SessionDeclined("s1", "busy"),
        ]
        for signal in sent:
            await ada.send("bob", signal)
        received = bob.receive()
        assert [await anext(received) for _ in sent] == [Received("ada", signal) for signal in sent]


@in_loop
async def test_signals_look_like_this_on_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    async with SignalingServer().running() as server, two(server) as (ada, _):
        said: list[Any] = []

        async def hear(*heard: Any) -> None:
            said.append(json.loads(heard[-1]))

        monkeypatch.setattr(server, "_hear", hear)
        await ada.send("bob", SessionOffered("s1", "v=0"))
        await until(lambda: bool(said))
        payload = {"v": 1, "app_message_type": "session_offered", "session_id": "s1", "sdp": "v=0"}
        ends = {"from_peer_id": "ada", "to_peer_id": "bob"}
        assert said == [{"type": "peer_message", **ends, "payload": payload}]


@in_loop
async def test_two_peers_connect_over_it() -> None:
    async def stay(session: PeerSession) -> None:
        await session.wait_ended()

    async with SignalingServer().running() as server, two(server) as (ada, bob):
        hosting, calling = Sessions(bob, welcome=stay), Sessions(ada)
        running = [asyncio.create_task(each.run()) for each in (hosting, calling)]
        session = await calling.call("bob")
        await session.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@in_loop
async def test_peers_find_each_other_by_role_and_tags() -> None:
    async with SignalingServer().running() as server, two(server) as (ada, bob):
        found = await ada.discover({"role": "worker", "tags": ["sleap-rtc"]})
        assert [peer.peer_id for peer in found] == ["bob"]
        assert await bob.discover({"role": "worker"}) == []


@in_loop
async def test_the_servers_ice_servers_are_known() -> None:
    async with SignalingServer().running() as server, two(server) as (ada, _):
        assert [each.urls for each in ada.ice_servers] == ["stun:stun.test"]


@in_loop
async def test_a_connection_that_is_cut_is_made_again_with_what_is_new() -> None:
    async with SignalingServer().running() as server, two(server) as (ada, bob):
        await bob.update_metadata(Metadata(properties={"status": "busy"}))
        await server.hang_up()
        await until(lambda: len(server.registrations) == 4)
        await ada.registered()
        await bob.registered()
        await ada.send("bob", SessionOffered("s1", "v=0"))
        assert (await anext(bob.receive())).from_peer == "ada"
        metadata = [each.metadata for each in server.registrations if each.peer_id == "bob"][-1]
        assert (list(metadata.tags), metadata.properties) == (["sleap-rtc"], {"status": "busy"})


@in_loop
async def test_each_connection_asks_for_a_token_of_its_own() -> None:
    tokens = iter(["stale", GOOD_TOKEN])
    async with SignalingServer().running() as server:
        ada = SignalingClient(server.url, Card("lab", "ada"), lambda: next(tokens))
        async with ada.running():
            with pytest.raises(Refused, match="Invalid token"):
                await ada.registered()
            await until(lambda: len(server.registrations) == 2)
            await ada.registered()


@in_loop
async def test_a_peer_that_registered_elsewhere_does_not_fight_for_its_place() -> None:
    async with SignalingServer().running() as server:
        ada = client(server, "ada")
        running = asyncio.create_task(ada.run())
        await ada.registered()
        await server.hang_up(CloseCode.REPLACED)
        with pytest.raises(Refused, match="newer connection"):
            await running
        assert len(server.registrations) == 1


@in_loop
async def test_a_server_that_is_not_there_is_named() -> None:
    ada = SignalingClient("ws://127.0.0.1:9/ws", Card("lab", "ada"), lambda: GOOD_TOKEN)
    async with ada.running():
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
            await ada.registered(within_s=0.3)


@in_loop
async def test_a_question_that_is_cut_off_is_told() -> None:
    async with SignalingServer().running() as server, two(server) as (ada, _):
        server._hear = lambda *_: server.hang_up()  # type: ignore[method-assign]
        with pytest.raises(Unreachable):
            await ada.discover({})


@in_loop
async def test_a_peer_of_another_room_hears_nothing() -> None:
    async with SignalingServer().running() as server, two(server):
        eve = client(server, "eve", "elsewhere")
        async with eve.running():
            await eve.registered()
            with pytest.raises(PeerUnreachable):
                await Sessions(eve, within_s=0.3).call("bob")
            assert await eve.discover({}) == []


@in_loop
async def test_what_is_none_of_ours_is_let_pass() -> None:
    async with SignalingServer().running() as server, two(server) as (ada, bob):
        for payload in (
            {"app_message_type": "job_request"},
            {"app_message_type": "session_declined"},
            "text",
        ):
            await ada._say(PeerMessage(from_peer_id="ada", to_peer_id="bob", payload=payload))
        await ada.send("bob", SessionOffered("s1", "v=0"))
        assert (await anext(bob.receive())).signal == SessionOffered("s1", "v=0")


def token(claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.signature"


def test_the_holder_of_a_token_can_read_whose_it_is() -> None:
    assert token_subject(token({"sub": "ada", "exp": 1})) == "ada"


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", token({}), token({"sub": 7}), token([]), "ü.ü.ü"])
def test_what_has_no_subject_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="whom it was made for"):
        token_subject(text)


@in_loop
async def test_turn_credentials_are_renewed_before_they_end() -> None:
    def credentials(name: str) -> list[IceServer]:
        ends_at = int((datetime.now(UTC) + timedelta(seconds=2)).timestamp())
        return [IceServer(urls="turn:t.test", username=f"{ends_at}:{name}", credential="secret")]

    async with SignalingServer(credentials("first")).running() as server:
        ada = client(server)
        async with ada.running():
            await ada.registered()
            server.ice_servers = credentials("second")
            await until(lambda: ada.ice_servers == server.ice_servers)
            assert [each.peer_id for each in server.registrations[:2]] == ["ada", "ada"]
            assert ada._socket is not None


@in_loop
async def test_whoever_is_told_to_end_at_whatever_step_of_his_beginning_ends() -> None:
    """At one of the steps the server's answer is there, and has not been taken."""
    async with SignalingServer().running() as server:
        for step in range(150):
            task = asyncio.create_task(client(server, f"peer-{step}").run())
            for _ in range(step):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task], timeout=5)
            assert task.cancelled(), step
