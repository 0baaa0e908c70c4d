"""Bad input and bad manners at the signaling socket: whoever has them harms himself at most."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.loop import in_loop
from support.signaling import SDP, Hall, LivePeer, eventually, open_hall
from websockets.exceptions import ConnectionClosed

from sleap_rtc.live.signaling_messages import LARGEST_MESSAGE_BYTES, CloseCode
from sleap_rtc.service.signaling.conversation import Patience

if TYPE_CHECKING:
    from sleap_rtc.local.issuer import LocalIssuer

BIG = "x" * (LARGEST_MESSAGE_BYTES - 1000)


async def pair(hall: Hall) -> tuple[LivePeer, LivePeer]:
    room, token = hall.open_room()
    return await hall.worker(room, token), await hall.client(room, token)


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "null",
        "[]",
        "{}",
        b"\x00\xff",
        "[" * 50_000,
        '{"type": "offer", "x": NaN}',
        json.dumps({"type": "offer", "sender": "client", "target": "worker", "sdp": 1}),
        json.dumps({"type": "peer_message", "from_peer_id": "client", "to_peer_id": "worker"}),
        json.dumps({"type": "update_metadata", "peer_id": "client", "metadata": []}),
        json.dumps({"type": "update_metadata", "peer_id": "client", "metadata": {"tags": "x" * 20_000}}),
        json.dumps(
            {"type": "update_metadata", "peer_id": "client", "metadata": {"properties": {"x": "x" * 20_000}}}
        ),
        json.dumps({"type": "peer_message", "payload": "x" * LARGEST_MESSAGE_BYTES}),
        json.dumps({"type": "register", "peer_id": "client", "metadata": "x"}),
    ],
    ids=lambda frame: str(frame)[:50],
)
@in_loop
async def test_a_bad_message_is_answered_and_the_socket_stays_open(
    token_issuer: LocalIssuer, frame: str | bytes
) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        await client.say_text(frame)
        assert (await client.hear())["type"] == "error"
        assert await client.discover() == ["worker"]
        assert await worker.hears_nothing()


@pytest.mark.parametrize("kind", ["discover_peers", "update_metadata", "peer_message", "offer", "answer"])
@in_loop
async def test_nothing_comes_before_the_registration(token_issuer: LocalIssuer, kind: str) -> None:
    async with open_hall(token_issuer) as hall:
        worker, _ = await pair(hall)
        stranger = await hall.connect("client")
        says: dict[str, Any] = {
            "peer_id": "client",
            "from_peer_id": "client",
            "to_peer_id": "worker",
            "sender": "client",
            "target": "worker",
            "payload": 1,
            "metadata": {},
            "sdp": SDP,
        }
        assert (await stranger.ask(kind, **says))["code"] == "NOT_IN_ROOM"
        assert await worker.hears_nothing()


@in_loop
async def test_binary_frames_with_json_are_read_as_the_existing_server_reads_them(
    token_issuer: LocalIssuer,
) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        content = {"type": "offer", "sender": "client", "target": "worker", "sdp": SDP}
        await client.say_text(json.dumps(content).encode())
        assert await worker.hear() == content


@in_loop
async def test_a_message_that_is_far_too_large_is_not_read(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        worker, client = await pair(hall)
        await client.say_text("x" * 5 * LARGEST_MESSAGE_BYTES)
        assert await client.closed_with() == 1009
        await eventually(lambda: is_alone(worker))


async def is_alone(peer: LivePeer) -> bool:
    return await peer.discover() == []


@in_loop
async def test_a_peer_that_floods_is_told_so_and_what_was_too_much_reaches_nobody(
    token_issuer: LocalIssuer,
) -> None:
    async with open_hall(token_issuer, patience=Patience(burst=20, per_s=0.001, most_refused=1000)) as hall:
        worker, client = await pair(hall)
        for number in range(30):
            await client.tell(worker, f"message {number}")
        error = await client.hear()
        assert (error["code"], "Too many" in error["message"]) == ("INVALID_MESSAGE", True)
        heard = 0
        while (await worker.hear())["payload"] != "message 8":
            heard += 1
        assert heard == 8
        assert await worker.hears_nothing()


@in_loop
async def test_a_peer_that_goes_on_flooding_is_let_go(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer, patience=Patience(burst=20, per_s=0.001, most_refused=5)) as hall:
        worker, client = await pair(hall)
        with_trouble = asyncio.create_task(client.closed_with())
        try:
            for _ in range(200):
                await client.tell(worker, "hello")
        except ConnectionClosed:
            pass
        assert await with_trouble == CloseCode.POLICY
        assert await worker.hear()


@in_loop
async def test_guessing_tokens_is_slow(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer, patience=Patience(burst=25, per_s=0.001)) as hall:
        room, _ = hall.open_room()
        guesser = await hall.connect("eve")
        answers = [await guesser.register(room, f"guess{number}") for number in range(4)]
        assert [answer.get("reason") for answer in answers][:2] == ["Invalid token", "Invalid token"]
        assert answers[3]["code"] == "INVALID_MESSAGE"


@in_loop
async def test_a_socket_that_registers_nobody_is_closed(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer, patience=Patience(register_within_s=0.1)) as hall:
        silent = await hall.connect("eve")
        assert await silent.closed_with() == CloseCode.POLICY


@in_loop
async def test_a_peer_that_registered_may_be_silent(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer, patience=Patience(register_within_s=1.0)) as hall:
        worker, client = await pair(hall)
        await asyncio.sleep(1.5)
        assert await client.discover() == ["worker"]
        assert await worker.hears_nothing()


@in_loop
async def test_a_peer_that_does_not_read_blocks_nobody_and_is_let_go(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer, patience=Patience(burst=10_000, close_within_s=0.1)) as hall:
        room, token = hall.open_room()
        stuck, sender = await hall.worker(room, token, "stuck"), await hall.client(room, token)
        other = await hall.worker(room, token, "other")
        stuck.connection.transport.pause_reading()
        hearing = asyncio.create_task(sender.hear())
        while not hearing.done():
            await sender.tell(stuck, BIG)
            await sender.tell(other, "hello")
            assert (await other.hear())["payload"] == "hello"
        assert (await hearing)["code"] == "DELIVERY_FAILED"
        assert await sender.discover() == ["other"]


@in_loop
async def test_a_stuck_peer_that_reads_again_learns_why_it_was_let_go(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer, patience=Patience(burst=10_000)) as hall:
        room, token = hall.open_room()
        stuck, sender = await hall.worker(room, token, "stuck"), await hall.client(room, token)
        stuck.connection.transport.pause_reading()
        hearing = asyncio.create_task(sender.hear())
        while not hearing.done():
            await sender.tell(stuck, BIG)
        stuck.connection.transport.resume_reading()
        assert await stuck.closed_with() == CloseCode.TOO_SLOW


@in_loop
async def test_one_message_that_is_never_read_is_enough(token_issuer: LocalIssuer) -> None:
    patience = Patience(burst=10_000, read_within_s=0.2, close_within_s=0.1)
    async with open_hall(token_issuer, patience=patience) as hall:
        room, token = hall.open_room()
        stuck, sender = await hall.worker(room, token, "stuck"), await hall.client(room, token)
        stuck.connection.transport.pause_reading()
        # More than the system buffers hold, less than the line does.
        for _ in range(30):
            await sender.tell(stuck, BIG)
        await eventually(lambda: is_alone(sender))


@in_loop
async def test_fifty_peers_join_find_each_other_and_leave(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        room, token = hall.open_room()
        watcher = await hall.client(room, token, "watcher")
        joins = [hall.worker(room, token, f"worker-{number}") for number in range(50)]
        workers = await asyncio.gather(*joins)
        assert set(await watcher.discover(role="worker")) == {worker.peer_id for worker in workers}
        counts = await asyncio.gather(*(worker.discover() for worker in workers))
        assert {len(found) for found in counts} == {50}
        for number, worker in enumerate(workers):
            if number % 2:
                worker.connection.transport.abort()
        await asyncio.gather(*(worker.connection.close() for worker in workers[::2]))
        await eventually(lambda: is_alone(watcher))
        assert (await hall.signaling.switchboard.census()).peers_by_role == {"client": 1}


@in_loop
async def test_nothing_is_left_of_a_room_when_everybody_has_left(token_issuer: LocalIssuer) -> None:
    async with open_hall(token_issuer) as hall:
        for peer in await pair(hall):
            await peer.connection.close()

        async def nobody() -> bool:
            return (await hall.signaling.switchboard.census()).rooms == 0

        await eventually(nobody)
        assert vars(hall.signaling.switchboard)["_lines"] == {}
