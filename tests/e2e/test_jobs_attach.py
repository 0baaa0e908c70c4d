"""`sleap-rtc jobs attach` and the commands to a worker, as their users have them, with real trainings."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.attached import told_in
from support.product import eventually
from support.running import Running

from sleap_rtc.local.child import Child

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.product import Product

termios = pytest.importorskip("termios")

SHORT = ("--set", "trainer_config.max_epochs=5")
# These trainings end when they are told to.
FOR_EVER = ("--set", "trainer_config.max_epochs=1000000")
NO_SIGNALING = {"SLEAP_RTC_LIVE_SIGNALING_URL": "ws://127.0.0.1:9/ws"}
PNG = b"\x89PNG\r\n\x1a\n"
CLIENT = (sys.executable, "-m", "sleap_rtc.client")
# Ctrl-C is for whoever has the terminal as his own.
ON_A_TERMINAL = "import os, sys; os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])"
LEAVES_ALT_SCREEN = "\x1b[?1049l"


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    # Who starts the tests in the background has them ignore Ctrl-C, and their children with them.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def live_worker(product: Product, room: str) -> Child:
    """Start a worker that has a token, so that it is among the live peers of its room."""
    command = [
        sys.executable,
        "-m",
        "sleap_rtc.client",
        "worker",
        "--room-id",
        room,
        "--trainer",
        "reference",
    ]
    environment = {**product.stack.cloud_environment, **product.stack.client_environment}
    child = Child(f"live-{room}", command, environment, product.stack.folder / "log" / f"live-{room}.log")
    product.stack.children.append(child)
    return child


class Training:
    """A job that a worker is at until somebody stops it."""

    def __init__(self, product: Product, package: Path) -> None:
        self.product = product
        self.room = product.new_room()
        self.worker = live_worker(product, self.room)
        sent = product.run(
            "client-train", "-p", str(package), "-r", self.room, *FOR_EVER, "--detach", "--json"
        )
        self.job = str(sent.json_lines()[-1]["job_id"])
        product.wait_for_job(self.room, "training")

    def tell(self, command: str, *options: str, **environment: str) -> Any:
        return self.product.run("jobs", command, self.job, *options, "-r", self.room, **environment)


@pytest.fixture(scope="module")
def training(product: Product, small_package: Path) -> Iterator[Training]:
    training = Training(product, small_package)
    yield training
    training.worker.stop()


def of_type(lines: list[str], kind: str) -> list[dict[str, Any]]:
    return [each for each in map(json.loads, lines) if each["type"] == kind]


def test_a_job_is_attached_to_from_before_it_is_claimed_to_its_end_and_after(
    product: Product, small_package: Path
) -> None:
    room = product.new_room()
    with Running(product, "client-train", "-p", str(small_package), "-r", room, *FOR_EVER, "--json") as train:
        train.says('"kind": "uploaded"')
        job_id = train.told("uploaded")[0]["job_id"]
        eventually(lambda: product.run("jobs", "show", job_id, "-r", room).status == 0)
        with Running(product, "jobs", "attach", job_id, "-r", room, "--json") as attach:
            attach.says('"link": "waiting"')
            worker = live_worker(product, room)
            attach.says('"link": "direct"')
            attach.says('"kind": "epoch", "epoch": 2')
            assert product.run("jobs", "stop", job_id, "-r", room).status == 0
            status, said = attach.ended()
            assert (status, said) == (0, "")
        assert train.ended() == (0, "")
    worker.stop()
    told = told_in(attach.lines)
    epochs = [each.event.epoch for each in told if each.event.kind == "epoch"]
    assert epochs == list(range(len(epochs)))
    assert {"step", "log", "training", "transfer", "command", "end"} <= {each.event.kind for each in told}
    assert of_type(attach.lines, "over") == [{"type": "over", "state": "published"}]
    assert {line["event"]["kind"] for line in train.told("told")} >= {"training", "epoch", "transfer", "end"}
    assert train.told("pulled")
    again = product.run("jobs", "attach", job_id, "-r", room)
    assert (again.status, again.err) == (0, "")
    assert "epoch 3/" in again.out
    assert "published" in again.out


def test_where_no_worker_is_at_it_commands_say_so(product: Product, small_package: Path) -> None:
    room = product.new_room()
    sent = product.run("client-train", "-p", str(small_package), "-r", room, *SHORT, "--detach", "--json")
    job_id = str(sent.json_lines()[-1]["job_id"])
    eventually(lambda: product.run("jobs", "show", job_id, "-r", room).status == 0)
    said = product.run("jobs", "pause", job_id, "-r", room)
    assert said.status == 3
    assert "no worker is at it" in said.sentence
    product.run("jobs", "cancel", job_id, "-r", room)
    said = product.run("jobs", "stop", job_id, "-r", room)
    assert (said.status, "cancelled" in said.sentence) == (3, True)
    attach = product.run("jobs", "attach", job_id, "-r", room, "--plain")
    assert attach.status == 11
    assert "cancelled" in attach.out
    assert product.run("jobs", "attach", "0" * 26, "-r", room).status == 4


def watched(training: Training, way: str, **environment: str) -> Running:
    arguments = ("jobs", "attach", training.job, "-r", training.room, "--json")
    attach = Running(training.product, *arguments, **environment)
    attach.says(f'"link": "{way}"')
    return attach


def test_a_training_is_watched_and_commanded_directly(training: Training) -> None:
    with watched(training, "direct") as attach:
        assert "paused" in training.tell("pause").out
        assert json.loads(training.tell("resume", "--json").out)["outcome"] == "done"
        assert "0.0005" in training.tell("set-lr", "5e-4").out
        refused = training.tell("cancel-transfer")
        assert (refused.status, "nothing is being transferred" in refused.sentence) == (3, True)
        for name in ("pause", "resume", "set_learning_rate", "cancel_transfer"):
            attach.says(f'"name": "{name}"')
        assert attach.ctrl_c() == 130
    assert any(each.event.kind == "epoch" for each in told_in(attach.lines))


def test_a_training_is_watched_and_commanded_through_the_service(training: Training, tmp_path: Path) -> None:
    picture = tmp_path / "drawn.png"
    with watched(training, "service", **NO_SIGNALING) as attach:
        sample = training.tell("sample", "-o", str(picture), **NO_SIGNALING)
        assert sample.out.splitlines()[-1] == str(picture), sample
        attach.says('"name": "sample"')
        assert attach.ctrl_c() == 130
    assert picture.read_bytes().startswith(PNG)
    assert any(each.event.kind == "epoch" for each in told_in(attach.lines))


class Screen:
    """A command on a terminal of its own."""

    def __init__(self, product: Product, *arguments: str) -> None:
        self._master, self._slave = os.openpty()
        termios.tcsetwinsize(self._slave, (30, 100))
        self.before = termios.tcgetattr(self._slave)
        self.raw = ""
        environment = {**product.client_environment, "TERM": "xterm-256color"}
        environment.pop("COLUMNS", None)
        environment.pop("LINES", None)
        command = [sys.executable, "-c", ON_A_TERMINAL, *CLIENT, *arguments]
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            command,
            env=environment,
            cwd=product.home,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
        )

    def press(self, text: str) -> None:
        os.write(self._master, text.encode())

    def shows(self, text: str) -> None:
        """Wait until it shows this, in whatever colours."""
        eventually(lambda: text in self._read())

    def _read(self) -> str:
        while select.select([self._master], [], [], 0)[0]:
            self.raw += os.read(self._master, 65536).decode("utf-8", "replace")
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.raw)

    def ended(self) -> int:
        """Wait for its end; return the exit status."""
        eventually(lambda: self._read() is not None and self.process.poll() is not None)
        self._read()
        return self.process.returncode

    @property
    def is_as_before(self) -> bool:
        return list(termios.tcgetattr(self._slave)) == self.before and LEAVES_ALT_SCREEN in self.raw

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def screen(training: Training) -> Iterator[Screen]:
    screen = Screen(training.product, "jobs", "attach", training.job, "-r", training.room)
    yield screen
    screen.close()


@pytest.mark.parametrize(
    ("leave", "status"),
    [("\x03", 130), (signal.SIGTERM, 128 + signal.SIGTERM)],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_the_view_shows_the_training_obeys_keys_and_leaves_the_terminal_as_it_was(
    training: Training, screen: Screen, leave: str | signal.Signals, status: int
) -> None:
    screen.shows("● direct")
    screen.shows("Loss ── validation")
    screen.press("p")
    screen.shows("training paused")
    screen.press("r")
    screen.shows("resumed")
    screen.press("s")
    screen.shows("Stop the training?")
    screen.press("n")
    screen.shows("Nothing was done.")
    if isinstance(leave, signal.Signals):
        screen.process.send_signal(leave)
    else:
        screen.press(leave)
    assert screen.ended() == status
    assert screen.is_as_before
    assert status != 130 or "The job goes on." in screen.raw
    assert training.product.job(training.room)["state"] == "training"


def test_a_training_that_is_stopped_is_published_and_the_view_ends_with_it(
    training: Training, screen: Screen
) -> None:
    screen.shows("● direct")
    screen.press("s")
    screen.shows("Stop the training?")
    screen.press("y")
    assert screen.ended() == 0
    assert screen.is_as_before
    assert "published" in screen.raw.rpartition(LEAVES_ALT_SCREEN)[2]
    assert training.product.job(training.room)["state"] == "published"
