"""What the existing tool relies on, fact by fact, over real sockets at its two ports."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from support.loop import in_loop
from support.signaling import SDP, WORKER, LivePeer, open_hall

from sleap_rtc.service.identity import Caller

if TYPE_CHECKING:
    from sleap_rtc.local.issuer import LocalIssuer

LONG_AGO = datetime.now(UTC) - timedelta(hours=3)


@in_loop
async def test_anybody_signs_in_and_opens_a_room_that_is_a_room_of_ours(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        signed_in = await hall.http("POST", "/anonymous-signin")
        assert signed_in.status == 200
        opened = await hall.http("POST", "/create-room", signed_in.body["id_token"])
        assert (opened.status, len(opened.body["room_id"]), len(opened.body["token"])) == (200, 8, 6)
        username = signed_in.body["username"]
        (room,) = hall.rooms.list(Caller(username, username))
        assert (room.room_id, room.role_of(username)) == (opened.body["room_id"], "owner")


@in_loop
async def test_a_room_is_opened_for_nobody_without_a_good_token(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        assert (await hall.http("POST", "/create-room")).status == 401
        assert (await hall.http("POST", "/create-room", "e.y.J")).status == 401
        assert (await hall.http("POST", "/create-room", token_issuer.token("ada") + "x")).status == 401


@in_loop
async def test_peers_that_signed_in_find_each_other(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        signed_in = [(await hall.http("POST", "/anonymous-signin")).body for _ in range(2)]
        room = (await hall.http("POST", "/create-room", signed_in[0]["id_token"])).body
        peers = []
        for who in signed_in:
            peer = await hall.connect()
            peer.peer_id, peer.id_token = who["username"], who["id_token"]
            assert (await peer.register(room["room_id"], room["token"]))["type"] == "registered_auth"
            peers.append(peer)
        assert await peers[1].discover() == [peers[0].peer_id]


@in_loop
async def test_a_worker_registers(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room()
        worker = await hall.connect("worker", path="/any/path?x=1")
        answer = await worker.register(room, token, role="worker", metadata=WORKER)
        expected = {"type": "registered_auth", "room_id": room, "token": token, "peer_id": "worker"}
        assert answer.items() >= expected.items()
        assert answer["admin_peer_id"] == "worker"
        assert [answer[name] for name in ("peer_list", "peer_metadata")] == [[], {}]


@in_loop
async def test_the_answer_names_the_others_and_the_ice_servers(token_issuer: LocalIssuer) -> None:
    turn: dict[str, Any] = {"stun_urls": ["stun:a"], "turn_urls": ["turn:b"], "turn_secret": "s"}
    async with open_hall(token_issuer, **turn) as hall:
        room, token = hall.open_room()
        await hall.worker(room, token)
        answer = await (await hall.connect("client")).register(room, token)
        assert answer["peer_list"] == ["worker"]
        assert answer["peer_metadata"] == {"worker": WORKER}
        assert answer["mesh_ice_servers"] == [{"urls": ["stun:a"]}]
        assert [server["urls"] for server in answer["ice_servers"]] == [["stun:a"], ["turn:b"]]
        assert answer["ice_servers"][1]["username"].endswith(":client")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"token": "wrong!"}, "Invalid token"),
        ({"room_id": "00000000"}, "Room not found"),
        ({"room_id": "../x"}, "Room not found"),
        ({"peer_id": None}, "Missing required fields during registration."),
        ({"room_id": None}, "Missing required fields during registration."),
        ({"token": None}, "Missing required fields during registration."),
        ({"token": ""}, "Missing required fields during registration."),
        ({"id_token": None}, "Missing required fields during registration."),
    ],
)
@in_loop
async def test_a_registration_is_refused_in_the_existing_servers_words(
    token_issuer: LocalIssuer, changed: dict[str, Any], reason: str
) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room()
        peer = await hall.connect("stranger")
        asked = {"room_id": room, "token": token, **changed}
        assert await peer.register(**asked) == {"type": "error", "reason": reason}
        assert (await peer.register(room, token))["type"] == "registered_auth"


@in_loop
async def test_a_token_ends_after_two_hours(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room(token_made_at=LONG_AGO)
        peer = await hall.connect("stranger")
        assert await peer.register(room, token) == {"type": "error", "reason": "Room expired"}


@in_loop
async def test_a_bad_id_token_is_refused_where_the_existing_tool_looks(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room()
        refused = await (await hall.connect("ada")).register(room, token, id_token="e.y.J")
        assert refused == {"type": "error", "reason": "Invalid token", "error": "Invalid token"}


@in_loop
async def test_a_client_discovers_exactly_the_worker_of_its_room(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room()
        await hall.worker(room, token)
        await hall.worker(*hall.open_room(), "elsewhere")
        await hall.client(room, token, "another")
        client = await hall.client(room, token)
        filters = {
            "role": "worker",
            "tags": ["sleap-rtc"],
            "properties": {"status": "available", "gpu_memory_mb": {"$gte": 0}},
            "room_id": "another",
        }
        found = await client.ask("discover_peers", from_peer_id="client", filters=filters)
        assert (found["type"], found["to_peer_id"], found["count"]) == ("peer_list", "client", 1)
        (worker,) = found["peers"]
        assert (worker["peer_id"], worker["role"], worker["metadata"]) == ("worker", "worker", WORKER)
        assert worker["connected_at"] > 0


@in_loop
async def test_a_reserved_worker_is_not_among_the_available(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room()
        worker, client = await hall.worker(room, token), await hall.client(room, token)
        assert await client.discover(properties={"status": "available"}) == ["worker"]
        known = await worker.update(properties={"status": "reserved"})
        assert known["properties"] == {**WORKER["properties"], "status": "reserved"}  # type: ignore[dict-item]
        assert await client.discover(properties={"status": "available"}) == []


@in_loop
async def test_a_message_between_peers_arrives_as_it_was_sent(token_issuer: LocalIssuer) -> None:
    payload = {
        "app_message_type": "job_request",
        "dataset": {"type": "s3", "path": "s3://b/k", "size_bytes": 2**40, "x": [None, 1.5, "ü😀"]},
    }
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room()
        worker, client = await hall.worker(room, token), await hall.client(room, token)
        await client.tell(worker, payload)
        assert await worker.hear() == {
            "type": "peer_message",
            "from_peer_id": "client",
            "to_peer_id": "worker",
            "payload": payload,
        }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            '{"type": "peer_message", "from_peer_id": "client", "to_peer_id": "elsewhere", "payload": 1}',
            "PEER_NOT_IN_ROOM",
        ),
        (
            '{"type": "peer_message", "from_peer_id": "client", "to_peer_id": "nobody", "payload": 1}',
            "PEER_NOT_IN_ROOM",
        ),
        ('{"type": "mesh_connect"}', "UNKNOWN_MESSAGE_TYPE"),
        ("{", "INVALID_JSON"),
    ],
)
@in_loop
async def test_an_error_has_its_code_and_the_socket_stays_open(
    token_issuer: LocalIssuer, text: str, code: str
) -> None:
    async with open_hall(token_issuer) as hall:
        elsewhere = await hall.worker(*hall.open_room(), "elsewhere")
        client = await hall.client(*hall.open_room())
        await client.say_text(text)
        error = await client.hear()
        assert (error["type"], error["code"], "message" in error) == ("error", code, True)
        assert await client.discover() == []
        assert await elsewhere.hears_nothing()


@in_loop
async def test_offer_answer_and_candidate_are_forwarded_unchanged(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room()
        worker, client = await hall.worker(room, token), await hall.client(room, token)
        offer = {"type": "offer", "sender": "client", "target": "worker", "sdp": SDP, "later": {"x": None}}
        answer = {"type": "answer", "sender": "worker", "target": "client", "sdp": SDP + "a=x\r\n"}
        candidate = {"type": "candidate", "sender": "worker", "target": "client", "candidate": {"a": None}}
        await client.say_text(json.dumps(offer))
        assert await worker.hear() == offer
        for message in (answer, candidate):
            await worker.say_text(json.dumps(message))
            assert await client.hear() == message


async def _answer_one_offer(worker: LivePeer, connection: RTCPeerConnection) -> None:
    offer = await worker.hear()
    await connection.setRemoteDescription(RTCSessionDescription(offer["sdp"], "offer"))
    await connection.setLocalDescription(await connection.createAnswer())
    answer = connection.localDescription.sdp
    await worker.say("answer", sender=worker.peer_id, target=offer["sender"], sdp=answer)


@in_loop
async def test_two_peer_connections_open_a_channel_through_the_server(token_issuer: LocalIssuer) -> None:
    ours, theirs, opened = RTCPeerConnection(), RTCPeerConnection(), asyncio.Event()
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room()
        worker, client = await hall.worker(room, token), await hall.client(room, token)
        ours.createDataChannel("my-data-channel").on("open", opened.set)
        await ours.setLocalDescription(await ours.createOffer())
        await client.say("offer", sender="client", target="worker", sdp=ours.localDescription.sdp)
        await _answer_one_offer(worker, theirs)
        await ours.setRemoteDescription(RTCSessionDescription((await client.hear())["sdp"], "answer"))
        await opened.wait()
    await asyncio.gather(ours.close(), theirs.close())


@in_loop
async def test_health_and_metrics_are_those_of_the_existing_server(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room()
        worker, client = await hall.worker(room, token), await hall.client(room, token)
        await client.tell(worker, "hello")
        await worker.hear()
        assert (await hall.http("GET", "/health")).body["status"] == "healthy"
        metrics = (await hall.http("GET", "/metrics")).body
        assert (metrics["active_rooms"], metrics["active_connections"]) == (1, 2)
        assert metrics["peers_by_role"] == {"worker": 1, "client": 1}
        assert (metrics["total_connections"], metrics["total_messages"]) == (2, 1)
