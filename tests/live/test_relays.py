"""Asking TURN servers that are not there, or are none; `test_relayed_session` asks real ones."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest
from support.loop import in_loop

from sleap_rtc.live.ice_server import IceServer
from sleap_rtc.live.relays import find_relay


def turn(*urls: str) -> IceServer:
    return IceServer(urls=urls, username="ada", credential="secret")


@in_loop
async def test_who_does_not_answer_is_left_out_and_told_of() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"turn:127.0.0.1:{silent.getsockname()[1]}"
        found = await find_relay([IceServer(urls="stun:s.test"), turn(url)], within_s=0.1)
    assert found.ice_servers == [IceServer(urls=["stun:s.test"])]
    assert found.troubles == [f"{url} does not answer within 0.1 s"]
    assert found.known


@in_loop
async def test_a_closed_port_and_a_url_that_is_none_are_told_apart() -> None:
    with closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"turn:127.0.0.1:{closed.getsockname()[1]}?transport=tcp"
        found = await find_relay([turn(url, "turn:[::1]:3478")])
    assert found.ice_servers == []
    assert found.troubles[0].startswith(f"{url} cannot be reached (")
    assert found.troubles[1] == "turn:[::1]:3478 is no URL that can be used"


@in_loop
async def test_where_no_turn_server_is_known_nobody_is_asked() -> None:
    found = await find_relay([IceServer(urls="stun:s.test")])
    assert (found.ice_servers, found.troubles, found.known) == ([IceServer(urls=["stun:s.test"])], [], False)


@pytest.mark.parametrize(
    "server", [IceServer(urls="turn:t.test"), IceServer(urls="turn:t.test", username="ada")]
)
def test_a_server_without_credentials_is_asked_all_the_same(server: IceServer) -> None:
    @in_loop
    async def story() -> None:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as silent:
            silent.bind(("127.0.0.1", 0))
            here = server.model_copy(update={"urls": f"turn:127.0.0.1:{silent.getsockname()[1]}"})
            assert len((await find_relay([here], within_s=0.1)).troubles) == 1

    story()
