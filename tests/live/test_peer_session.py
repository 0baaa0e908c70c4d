"""Sessions between two real peers on one machine."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from contextlib import suppress

import pytest
from support.loop import in_loop, until
from support.peers import QUICK_BEAT, joined, paired

from sleap_rtc.live.errors import PeerLost, PeerUnreachable
from sleap_rtc.live.memory_signaling import MemoryExchange
from sleap_rtc.live.peer_session import Path, PeerSession
from sleap_rtc.live.signaling import SessionOffered


async def stay(session: PeerSession) -> None:
    await session.wait_ended()


@in_loop
async def test_what_is_sent_on_a_channel_arrives_on_it() -> None:
    async with paired() as pair:
        came: list[tuple[str, str | bytes]] = []
        for label in ("ctl", "progress", "bulk"):
            channel = getattr(pair.theirs, label)
            channel.listen(lambda message, label=label: came.append((label, message)))
            getattr(pair.ours, label).send(f"on {label}")
        await until(lambda: len(came) == 3)
        assert sorted(came) == [(label, f"on {label}") for label in ("bulk", "ctl", "progress")]


@in_loop
async def test_what_came_before_anybody_listened_is_not_lost() -> None:
    async with paired(QUICK_BEAT) as pair:
        pair.ours.ctl.send("early")
        await until(lambda: pair.ours.round_trip_s is not None)
        came: list[str | bytes] = []
        pair.theirs.ctl.listen(came.append)
        assert came == ["early"]


@in_loop
async def test_the_progress_channel_neither_orders_nor_repeats() -> None:
    async with paired() as pair:
        channel = pair.theirs.progress._channel
        assert channel is not None
        assert (channel.ordered, channel.maxRetransmits) == (False, 0)


@in_loop
async def test_a_session_on_one_machine_is_direct() -> None:
    async with paired() as pair:
        assert pair.ours.path is pair.theirs.path is Path.DIRECT


@in_loop
async def test_a_session_through_a_relay_says_so() -> None:
    async with paired() as pair:
        sctp = pair.ours._connection.sctp
        assert sctp is not None
        (chosen,) = sctp.transport.transport._connection._nominated.values()
        chosen.remote_candidate.type = "relay"
        assert pair.ours.path is Path.RELAYED


@in_loop
async def test_a_session_that_is_over_still_tells_which_way_it_took() -> None:
    async with paired() as pair:
        sctp = pair.ours._connection.sctp
        assert sctp is not None
        (chosen,) = sctp.transport.transport._connection._nominated.values()
        chosen.remote_candidate.type = "relay"
        assert pair.ours.path is Path.RELAYED
        await pair.ours.close()
        assert pair.ours.path is Path.RELAYED


@in_loop
async def test_two_that_do_not_reach_each_other_are_told_so() -> None:
    ours, offer = await PeerSession.offering("01", "theirs")
    theirs, answer = await PeerSession.answering("01", "ours", away(offer))
    await ours.answered(away(answer))
    for session in (ours, theirs):
        with pytest.raises(PeerUnreachable, match="do not reach each other directly, and no TURN server is"):
            await session.opened(0.5)


def away(sdp: str) -> str:
    """Return a description whose addresses are nobody's (RFC 5737)."""
    return re.sub(r"(a=candidate:\S+ \d udp \d+) \S+", r"\1 192.0.2.1", sdp)


@in_loop
async def test_closing_one_side_ends_the_other() -> None:
    async with paired() as pair:
        await pair.ours.close()
        assert await pair.theirs.wait_ended() == "the connection was cut"
        with pytest.raises(PeerLost):
            pair.theirs.ctl.send("anybody there?")


@in_loop
async def test_a_peer_that_falls_silent_is_believed_to_be_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    async with paired(QUICK_BEAT) as pair:
        sctp = pair.theirs._connection.sctp
        assert sctp is not None
        monkeypatch.setattr(sctp.transport.transport, "_send", swallow)
        assert "nothing was heard of it" in await pair.ours.wait_ended()


async def swallow(*_: object) -> None:
    """Send nothing."""


@in_loop
async def test_whoever_waits_for_room_is_woken_when_the_session_ends() -> None:
    async with paired() as pair:
        for _ in range(100):
            pair.ours.bulk.send(bytes(16_000))
        waiting = asyncio.create_task(pair.ours.bulk.writable())
        await asyncio.sleep(0)
        await pair.ours.close("enough")
        with pytest.raises(PeerLost, match="enough"):
            await waiting


@in_loop
async def test_a_listener_that_fails_ends_the_session_and_nothing_else() -> None:
    async with paired() as pair:
        pair.theirs.ctl.listen(fail)
        pair.ours.ctl.send("boom")
        assert await pair.theirs.wait_ended() == "a message could not be handled"


@in_loop
async def test_a_peer_of_another_room_is_not_reached() -> None:
    exchange = MemoryExchange()
    guest_elsewhere = joined(exchange, "guest", room_id="elsewhere", within_s=0.5)
    async with joined(exchange, "host", welcome=stay), guest_elsewhere as guest:
        with pytest.raises(PeerUnreachable, match="no answer"):
            await guest.call("host")


@in_loop
async def test_a_peer_that_takes_no_sessions_says_so() -> None:
    exchange = MemoryExchange()
    async with joined(exchange, "host"), joined(exchange, "guest") as guest:
        with pytest.raises(PeerUnreachable, match="takes no sessions"):
            await guest.call("host")


@in_loop
async def test_a_peer_takes_so_many_sessions_and_no_more() -> None:
    exchange = MemoryExchange()
    host = joined(exchange, "host", welcome=stay, most_guests=1)
    async with host, joined(exchange, "first") as first, joined(exchange, "second") as second:
        held = await first.call("host")
        with pytest.raises(PeerUnreachable, match="as many sessions as it takes"):
            await second.call("host")
        await held.close()
        await taken(second, "host")


def fail(message: str | bytes) -> None:
    raise ZeroDivisionError(message)


async def taken(caller: object, peer_id: str) -> None:
    """Call until the peer has noticed that there is room."""
    while True:
        with suppress(PeerUnreachable):
            session = await caller.call(peer_id)  # type: ignore[attr-defined]
            await session.close()
            return
        await asyncio.sleep(0.05)


@in_loop
async def test_a_second_call_of_a_peer_ends_the_first() -> None:
    exchange = MemoryExchange()
    host = joined(exchange, "host", welcome=stay, most_guests=1)
    async with host, joined(exchange, "guest") as guest:
        first = await guest.call("host")
        second = await guest.call("host")
        await first.wait_ended()
        assert not second.why_ended
        await second.close()


@pytest.mark.parametrize("sdp", ["", "v=0", "not a description", "v=0\r\nm=application 9 x y\r\n" * 50])
def test_an_offer_that_is_none_ends_nothing(sdp: str) -> None:
    @in_loop
    async def story() -> None:
        exchange = MemoryExchange()
        async with joined(exchange, "host", welcome=stay), joined(exchange, "guest") as guest:
            mallory = exchange.join("lab", "mallory")
            await mallory.send("host", SessionOffered("s1", sdp))
            await (await guest.call("host")).close()

    story()


def test_the_module_does_not_load_the_engine() -> None:
    code = "import sys, sleap_rtc.live.sessions as s; sys.exit('aiortc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
