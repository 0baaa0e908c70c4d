"""The ports besides the service's own."""

from __future__ import annotations

import socket

import pytest

from sleap_rtc.local.engine import LOOPBACK, free_port
from sleap_rtc.service.signaling.listeners import Ports, PortTaken
from sleap_rtc.settings import Settings

SETTINGS = ["signaling_ws_port", "signaling_http_port"]


def test_nothing_is_opened_that_is_not_asked_for() -> None:
    assert Ports.open(Settings(), LOOPBACK) == Ports(None, None)


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_port_is_opened_on_the_services_own_host(setting: str) -> None:
    port = free_port()
    ports = Ports.open(Settings.model_validate({setting: port}), LOOPBACK)
    (opened,) = [one for one in (ports.websocket, ports.http) if one is not None]
    with opened:
        assert opened.getsockname() == (LOOPBACK, port)


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_port_that_is_taken_is_named_with_its_setting(setting: str) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            PortTaken, match=f"port {port} of the setting {setting} cannot be opened: .*in use"
        ):
            Ports.open(Settings.model_validate({setting: port}), LOOPBACK)
