"""What is wrong with the existing server, and right here: each defect as a test that it is mended."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.loop import in_loop
from support.signaling import SDP, TAGS, WORKER, Hall, LivePeer, eventually, open_hall

from sleap_rtc.live.signaling_messages import CloseCode

if TYPE_CHECKING:
    from sleap_rtc.local.issuer import LocalIssuer

BUSY = {"type": "error", "reason": "worker_busy"}


async def is_alone(peer: LivePeer) -> bool:
    return await peer.discover() == []


async def pair(hall: Hall, **properties: Any) -> tuple[LivePeer, LivePeer]:
    """Return a worker and a client of one room."""
    room, token = hall.open_room()
    return await hall.worker(room, token, **properties), await hall.client(room, token)


@in_loop
async def test_a_peer_leaves_when_its_socket_is_closed(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        await worker.connection.close()
        await eventually(lambda: is_alone(client))


@in_loop
async def test_a_peer_leaves_when_its_process_is_killed(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        worker.connection.transport.abort()
        await eventually(lambda: is_alone(client))


@in_loop
async def test_a_peer_that_answers_no_ping_leaves(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer, terms={"ws_ping_interval": 0.2, "ws_ping_timeout": 0.2}) as hall:
        worker, client = await pair(hall)
        # As if its machine had lost power: the connection is there, nobody is at its other end.
        worker.connection.transport.pause_reading()
        await eventually(lambda: is_alone(client))


@pytest.mark.parametrize("peer_id", ["worker", "worker#gpu", "adax", "", "#ada"])
@in_loop
async def test_nobody_registers_under_the_id_of_another(token_issuer: LocalIssuer, peer_id: str) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room("ada")
        spoofer = await hall.connect("ada")
        assert (await spoofer.register(room, token, peer_id=peer_id))["type"] == "error"
        assert (await hall.client(room, token)).peer_id == "client"


@in_loop
async def test_one_person_has_a_worker_and_a_client_in_one_room(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, _ = hall.open_room("ada")
        worker, client = await hall.connect("ada", "gpu-1"), await hall.connect("ada")
        await worker.register(room, role="worker")
        await client.register(room)
        assert await client.discover(role="worker") == ["ada#gpu-1"]


@in_loop
async def test_a_newer_socket_of_a_peer_takes_the_place_of_the_older(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room()
        older, client = await hall.worker(room, token), await hall.client(room, token)
        newer = await hall.worker(room, token)
        assert await older.closed_with() == CloseCode.REPLACED
        await client.tell("worker", "hello")
        assert (await newer.hear())["payload"] == "hello"


@in_loop
async def test_tags_survive_an_update_of_the_status(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        await worker.set_status("busy")
        await worker.set_status("available")
        assert await client.discover(role="worker", tags=["sleap-rtc"]) == ["worker"]
        assert (await worker.update(tags=["new"]))["tags"] == [*TAGS, "new"]


@pytest.mark.parametrize("status", ["reserved", "busy", "maintenance"])
@in_loop
async def test_an_offer_to_a_busy_worker_is_declined_to_its_sender(
    token_issuer: LocalIssuer, status: str
) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall, status=status)
        await client.offer(worker)
        declined = await client.hear()
        assert declined.items() >= {**BUSY, "target": "client", "current_status": status}.items()
        assert await worker.hears_nothing()


@in_loop
async def test_a_second_offer_leaves_the_first_session_alone(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room()
        worker, first = await hall.worker(room, token), await hall.client(room, token, "first")
        second = await hall.client(room, token, "second")
        await first.offer(worker)
        await worker.hear()
        await worker.set_status("reserved")
        await worker.answer(first)
        await second.offer(worker)
        assert (await second.hear())["reason"] == "worker_busy"
        assert (await first.hear())["type"] == "answer"
        assert await worker.hears_nothing()


@in_loop
async def test_whom_a_worker_is_busy_with_may_make_another_offer(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        await client.offer(worker)
        await worker.hear()
        await worker.set_status("busy")
        await worker.answer(client)
        await client.hear()
        await client.offer(worker)
        assert (await worker.hear())["type"] == "offer"


@in_loop
async def test_a_session_ends_when_the_worker_is_available_again(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        await client.offer(worker)
        await worker.hear()
        await worker.answer(client)
        await client.hear()
        for status in ("busy", "available", "busy"):
            await worker.set_status(status)
        await client.offer(worker)
        assert (await client.hear())["reason"] == "worker_busy"


@in_loop
async def test_a_client_comes_back_to_its_busy_worker_until_that_starts_anew(
    token_issuer: LocalIssuer,
) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room()
        worker, client = await hall.worker(room, token), await hall.client(room, token)
        await client.offer(worker)
        await worker.hear()
        await worker.answer(client)
        await worker.set_status("busy")
        client.connection.transport.abort()
        client = await hall.client(room, token)
        await client.offer(worker)
        assert (await worker.hear())["type"] == "offer"
        await worker.register(room, token, role="worker", metadata={"properties": {"status": "busy"}})
        await client.offer(worker)
        assert (await client.hear())["reason"] == "worker_busy"


@in_loop
async def test_an_offer_of_a_client_that_left_is_declined_to_nobody(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room()
        worker, client = await hall.worker(room, token), await hall.client(room, token)
        await client.offer(worker)
        await worker.hear()
        again = await hall.client(room, token)
        await worker.say("error", target="client", reason="worker_busy")
        assert await worker.hears_nothing()
        assert await again.hears_nothing()


@in_loop
async def test_a_worker_is_reserved_for_whom_it_names(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall, status="reserved", reserved_for="client")
        await client.offer(worker)
        assert (await worker.hear())["sender"] == "client"


@in_loop
async def test_a_worker_that_declines_by_itself_is_heard_and_lives(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        await client.offer(worker)
        await worker.hear()
        declined = {
            **BUSY,
            "target": "client",
            "message": "Worker is currently busy.",
            "current_status": "busy",
        }
        await worker.say_text(json.dumps(declined))
        assert await client.hear() == declined
        assert await worker.hears_nothing()


@in_loop
async def test_an_offer_may_still_be_declined_after_another_session_ended(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        await client.offer(worker)
        await worker.hear()
        await worker.set_status("available")
        await worker.say("error", target="client", reason="worker_busy")
        assert await client.hear() == {**BUSY, "target": "client"}


@pytest.mark.parametrize("target", ["client", "nobody", "worker", None])
@in_loop
async def test_an_error_ends_nobody_who_made_no_offer(token_issuer: LocalIssuer, target: str | None) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        await worker.say("error", reason="worker_busy", **({"target": target} if target else {}))
        assert await worker.hears_nothing()
        assert await client.hears_nothing()


@in_loop
async def test_an_answer_to_a_client_that_left_is_no_error_to_the_worker(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        await client.connection.close()
        await eventually(lambda: is_alone(worker))
        await worker.answer(client)
        assert await worker.hears_nothing()


@in_loop
async def test_an_offer_to_a_worker_that_left_is_answered(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        await worker.connection.close()
        await eventually(lambda: is_alone(client))
        await client.offer(worker)
        assert (await client.hear())["code"] == "PEER_NOT_IN_ROOM"


@in_loop
async def test_nothing_reaches_a_peer_of_another_room(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        worker, _ = await pair(hall)
        _, stranger = await pair(hall)
        await worker.connection.close()
        worker = await hall.worker(*hall.open_room(), subject="lone")
        await stranger.offer(worker)
        await stranger.answer(worker)
        await stranger.tell(worker, {"app_message_type": "job_request"})
        await stranger.say("candidate", sender="client", target="lone", candidate="x")
        await stranger.say("error", target="lone", reason="worker_busy")
        codes = [(await stranger.hear())["code"] for _ in range(2)]
        assert codes == ["PEER_NOT_IN_ROOM", "PEER_NOT_IN_ROOM"]
        assert await worker.hears_nothing()


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("offer", {"sender": "victim", "target": "worker", "sdp": SDP}),
        ("answer", {"sender": "victim", "target": "worker", "sdp": SDP}),
        ("candidate", {"sender": "victim", "target": "worker", "candidate": "x"}),
        ("peer_message", {"from_peer_id": "victim", "to_peer_id": "worker", "payload": 1}),
        ("update_metadata", {"peer_id": "worker", "metadata": {"properties": {"status": "busy"}}}),
        ("discover_peers", {"from_peer_id": "worker"}),
    ],
)
@in_loop
async def test_nobody_speaks_for_another(
    token_issuer: LocalIssuer, kind: str, content: dict[str, Any]
) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        assert (await client.ask(kind, **content))["code"] == "INVALID_MESSAGE"
        assert await worker.hears_nothing()
        assert await client.discover(properties={"status": "available"}) == ["worker"]


@in_loop
async def test_a_worker_registers_again_when_its_tokens_have_ended(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        (place,) = await hall.signaling.switchboard.find("worker")
        hall.signaling.room_tokens.close(place.room_id)
        again = await worker.register(
            place.room_id, "ended", role="worker", metadata=WORKER, id_token="ended"
        )
        assert again["type"] == "registered_auth"
        assert await client.discover(tags=["training-worker"]) == ["worker"]


@in_loop
async def test_one_socket_is_one_peer(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, other = hall.open_room("ada")[0], hall.open_room("ada")[0]
        watchers = [await hall.connect("ada", "watcher") for _ in range(2)]
        for watcher, there in zip(watchers, (room, other), strict=True):
            await watcher.register(there)
        peer = await hall.connect("ada", "1")
        await peer.register(room)
        await peer.register(room, peer_id="ada#2")
        assert await watchers[0].discover() == ["ada#2"]
        peer.peer_id = "ada#2"
        await peer.register(other)
        assert await is_alone(watchers[0])
        assert await watchers[1].discover() == ["ada#2"]


@in_loop
async def test_a_member_registers_with_his_id_token_and_the_room_alone(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, _ = hall.open_room("ada", datetime.now(UTC) - timedelta(days=9))
        hall.let_in(room, "bob", "member")
        assert (await (await hall.connect("ada")).register(room))["type"] == "registered_auth"
        assert (await (await hall.connect("bob")).register(room, "any"))["type"] == "registered_auth"


@in_loop
async def test_a_reader_needs_a_token_as_a_stranger_does(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room("ada")
        hall.let_in(room, "eve", "reader")
        eve = await hall.connect("eve")
        assert (await eve.register(room))["reason"] == "You may only read in this room"
        assert (await eve.register(room, token))["type"] == "registered_auth"


@in_loop
async def test_a_room_that_was_never_opened_to_others_is_not_there_for_them(
    token_issuer: LocalIssuer,
) -> None:
    async with open_hall(token_issuer) as hall:
        room = hall.rooms.create("A lab", hall.signaling.callers.verify(token_issuer.token("ada")))
        stranger = await hall.connect("eve")
        assert (await stranger.register(room.room_id, "abc123"))["reason"] == "Room not found"


@in_loop
async def test_a_token_of_one_room_opens_no_other(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        (room, _), (_, other_token) = hall.open_room("ada"), hall.open_room("eve")
        refused = await (await hall.connect("eve")).register(room, other_token)
        assert refused == {"type": "error", "reason": "Invalid token"}


@in_loop
async def test_a_peer_is_deleted_by_itself_or_a_member_and_nobody_else(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        delete = ("POST", "/delete-peer")
        assert (await hall.http(*delete, peer_id="worker")).status == 401
        by_another = await hall.http(*delete, token_issuer.token("client"), peer_id="worker")
        assert by_another.body == {"status": "peer not found"}
        assert await client.discover() == ["worker"]
        by_itself = await hall.http(*delete, token_issuer.token("client"), peer_id="client")
        assert by_itself.body == {"status": "peer deleted successfully. Room status: active"}
        by_a_member = await hall.http(*delete, token_issuer.token("ada"), peer_id="worker")
        assert by_a_member.body == {"status": "peer deleted successfully. Room status: deleted"}
        assert [await peer.closed_with() for peer in (worker, client)] == [1000, 1000]


@pytest.mark.parametrize("by", ["room_id", "peer_id"])
@in_loop
async def test_a_room_is_emptied_by_a_member_and_loses_no_data(token_issuer: LocalIssuer, by: str) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room("ada")
        worker = await hall.worker(room, token)
        body = {by: room if by == "room_id" else "worker"}
        delete = ("POST", "/delete-peers-and-room")
        assert (await hall.http(*delete, **body)).status == 401
        refused = await hall.http(*delete, token_issuer.token("worker"), **body)
        assert refused.body["status"].endswith("not found")
        done = await hall.http(*delete, token_issuer.token("ada"), **body)
        assert done.body == {"status": "peer deleted successfully"}
        assert await worker.closed_with() == 1000
        assert (await (await hall.connect("eve")).register(room, token))["reason"] == "Invalid token"
        assert (await (await hall.connect("ada")).register(room))["type"] == "registered_auth"


@in_loop
async def test_nobody_signs_in_where_it_is_off(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as on:
        signed_in = (await on.http("POST", "/anonymous-signin")).body
        async with open_hall(token_issuer, anonymous_signin=False) as off:
            assert (await off.http("POST", "/anonymous-signin")).status == 403
            assert (await off.http("POST", "/create-room", signed_in["id_token"])).status == 401


@in_loop
async def test_sign_ins_and_rooms_have_a_limit(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        vars(hall.signaling.tally).update(vars(type(hall.signaling.tally)(burst=1, per_s=0)))
        assert (await hall.http("POST", "/anonymous-signin")).status == 200
        assert (await hall.http("POST", "/anonymous-signin")).status == 429
        token = token_issuer.token("ada")
        assert [(await hall.http("POST", "/create-room", token)).status for _ in range(2)] == [200, 429]


@in_loop
async def test_a_server_that_stops_tells_its_peers_to_come_again(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        ends = [asyncio.create_task(peer.closed_with()) for peer in (worker, client)]
        await asyncio.sleep(0)
        hall.opened = hall.opened.pop_all()
    assert await asyncio.gather(*ends) == [CloseCode.RESTART, CloseCode.RESTART]
