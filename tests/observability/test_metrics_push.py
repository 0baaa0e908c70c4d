"""Pushing to a gateway: what arrives, and that a gateway which is down, slow or refusing holds nobody up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING

import pytest
from support.exposition import Scrape
from support.product import eventually
from support.push_gateway import PushGateway

from sleap_rtc.events.event_facts import ModelPublished
from sleap_rtc.events.worker_facts import EpochTrained
from sleap_rtc.local.engine import free_port
from sleap_rtc.observability.measuring import Measuring
from sleap_rtc.observability.push import Push
from sleap_rtc.storage.telling import heard, listen, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

NEVER_S = 3600.0


@pytest.fixture
def gateway() -> Iterator[PushGateway]:
    with PushGateway().running() as running:
        yield running


def pushed(url: str, every_s: float = NEVER_S) -> tuple[Measuring, list[str]]:
    """Tell of an epoch to a process that pushes, until its end; return it, and what it said."""
    said: list[str] = []
    with Measuring("worker") as measuring, Push(url, "worker", measuring, said.append, every_s):
        tell(EpochTrained(2.0))
    return measuring, said


def test_the_last_push_has_what_was_told(gateway: PushGateway) -> None:
    _, said = pushed(gateway.url)
    (path,) = gateway.groups
    assert path.startswith("/metrics/job/sleap-rtc/instance/")
    assert path.endswith("/part/worker")
    assert Scrape(gateway.text).value("sleap_rtc_training_epochs_total") == 1
    assert said == []


def test_each_process_has_a_group_of_its_own(gateway: PushGateway) -> None:
    pushed(gateway.url)
    pushed(gateway.url)
    assert len(gateway.groups) == 2


def test_it_pushes_while_the_process_goes_on(gateway: PushGateway) -> None:
    with Measuring("worker") as measuring, Push(gateway.url, "worker", measuring, print, every_s=0.01):
        eventually(lambda: gateway.pushes >= 3)


def lost(measuring: Measuring) -> float | None:
    return measuring.registry.get_sample_value("sleap_rtc_telemetry_lost_total", {"signal": "metrics"})


def test_a_gateway_that_is_down_is_reported_once() -> None:
    said: list[str] = []
    url = f"http://127.0.0.1:{free_port()}"
    with Measuring("worker") as measuring, Push(url, "worker", measuring, said.append, every_s=0.01):
        eventually(lambda: (lost(measuring) or 0) >= 3)
    assert len(said) == 1
    assert "Connection refused" in said[0]
    assert "everything else goes on" in said[0]


def test_a_gateway_that_refuses_is_reported_with_its_status(gateway: PushGateway) -> None:
    gateway.status = 400
    measuring, said = pushed(gateway.url)
    assert len(said) == 1
    assert "status 400" in said[0]
    assert lost(measuring) == 1


def test_an_address_that_is_none_is_reported() -> None:
    assert len(pushed("nonsense://")[1]) == 1


def test_a_gateway_that_does_not_answer_is_not_waited_for(gateway: PushGateway) -> None:
    """It holds its answer until the block is over, so a process that waited for it would never get there."""
    gateway.held.clear()
    said: list[str] = []
    over = threading.Event()

    def process() -> None:
        with Measuring("worker") as measuring, Push(gateway.url, "worker", measuring, said.append):
            tell(EpochTrained(2.0))
        over.set()

    threading.Thread(target=process, daemon=True).start()
    assert over.wait(20)
    assert len(said) == 1


COMMAND = """
    import sys, time
    from sleap_rtc.client.wiring import service_client
    from sleap_rtc.settings import load_settings
    from sleap_rtc.storage.telling import tell, heard
    service_client(load_settings())
    from sleap_rtc.storage.storage_facts import TransferTroubled
    tell(TransferTroubled("upload", outages=3))
    print("prometheus_client" in sys.modules, heard(), flush=True)
    if sys.argv[1:]:
        time.sleep(60)
"""


def command(url: str, *arguments: str) -> subprocess.Popen[str]:
    """Run what a command of the client runs before it asks the service."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(COMMAND), *arguments],
        env={**os.environ, "SLEAP_RTC_METRICS_PUSH_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def test_a_command_counts_nothing_and_loads_nothing_unless_it_is_told_where_to_push() -> None:
    out, err = command("").communicate()
    assert (out.strip(), err) == ("False False", "")


def test_a_command_pushes_when_it_ends(gateway: PushGateway) -> None:
    out, err = command(gateway.url).communicate()
    assert (out.strip(), err) == ("True True", "")
    assert Scrape(gateway.text).value("sleap_rtc_transfer_outages_total", direction="upload") == 3


def test_a_command_pushes_on_sigterm(gateway: PushGateway) -> None:
    process = command(gateway.url, "wait")
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert Scrape(gateway.text).value("sleap_rtc_transfer_outages_total", direction="upload") == 3


def test_a_command_says_in_one_sentence_that_the_gateway_is_down() -> None:
    out, err = command(f"http://127.0.0.1:{free_port()}").communicate()
    assert out.strip() == "True True"
    (line,) = err.splitlines()
    assert line.startswith("sleap-rtc: The metrics of this process do not reach the Pushgateway")


def test_nobody_listens_once_a_process_measures_no_more() -> None:
    with Measuring("service"):
        assert heard()
    assert not heard()
    tell(ModelPublished())


def test_what_a_listener_raises_reaches_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def clumsy(fact: object) -> None:
        raise ZeroDivisionError(fact)

    end = listen(clumsy)
    try:
        tell(ModelPublished())
    finally:
        end()
    assert "ModelPublished could not be counted" in caplog.text
