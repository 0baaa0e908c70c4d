"""Adapter: runs a training engine in a session of its own, tethered to the worker, and listens to it.

Lines of output come over its pipes, progress over ZMQ: the worker binds, the engine connects, on ports that
are free at that moment, so several jobs fit on one machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import zmq

from sleap_rtc.worker.engine_software import engine_software
from sleap_rtc.worker.errors import TrainingFailed
from sleap_rtc.worker.tether import GRACE_S, kill_session, tethered
from sleap_rtc.worker.trainer import TITLES, TrainerName, TrainingResult, command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sleap_rtc.worker.package import TrainingPackage

_LOOPBACK = "tcp://127.0.0.1"
_POLL_MS = 100
_LAST_LINES = 5


class SubprocessTrainer:
    """Drives an engine that has sleap-nn's command line."""

    def __init__(self, name: TrainerName) -> None:
        self._name = name
        self.title = TITLES[name]

    def train(
        self,
        package: TrainingPackage,
        overrides: Mapping[str, str],
        on_line: Callable[[str], None],
        stop: threading.Event,
    ) -> TrainingResult:
        """Run the engine to its end."""
        arguments = command(self._name)
        context = zmq.Context()
        try:
            progress, control = context.socket(zmq.SUB), context.socket(zmq.PUB)
            progress.setsockopt(zmq.SUBSCRIBE, b"")
            for socket in (progress, control):
                socket.setsockopt(zmq.LINGER, 0)
            publish_port = progress.bind_to_random_port(_LOOPBACK)
            controller_port = control.bind_to_random_port(_LOOPBACK)
            options = {
                **overrides,
                "trainer_config.ckpt_dir": "models",
                "trainer_config.run_name": package.run_name,
                "trainer_config.zmq.controller_port": str(controller_port),
                "trainer_config.zmq.publish_port": str(publish_port),
            }
            arguments += ["--config-name", package.config.name, "--config-dir", "."]
            # Hydra's ++ sets a key whether or not the configuration has it; many have no zmq section.
            arguments += [f"++{name}={value}" for name, value in options.items()]
            epochs = _run(arguments, package, progress, on_line, stop)
        finally:
            context.destroy(linger=0)
        folder = package.folder / "models" / package.run_name
        return TrainingResult(folder, tuple(epochs), engine_software(folder, arguments[0]))


def _run(
    arguments: list[str],
    package: TrainingPackage,
    progress: zmq.Socket[bytes],
    on_line: Callable[[str], None],
    stop: threading.Event,
) -> list[dict[str, Any]]:
    last: deque[str] = deque(maxlen=_LAST_LINES)
    process = subprocess.Popen(
        tethered(arguments),
        cwd=package.folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    reader = threading.Thread(target=_read_lines, args=(process, last, on_line), daemon=True)
    reader.start()
    epochs: list[dict[str, Any]] = []
    try:
        while process.poll() is None and not stop.is_set():
            _take(progress, epochs, _POLL_MS)
        _take(progress, epochs, 0)
    finally:
        _end(process)
        reader.join(timeout=GRACE_S)
    if process.returncode != 0 and not stop.is_set():
        raise TrainingFailed(exit_status=process.returncode, last_lines=" | ".join(last))
    return epochs


def _take(progress: zmq.Socket[bytes], epochs: list[dict[str, Any]], wait_ms: int) -> None:
    while progress.poll(wait_ms):
        try:
            message = json.loads(progress.recv())
        except ValueError:
            continue
        if isinstance(message, dict) and message.get("event") == "epoch_end":
            logs = message.get("logs") or {}
            epochs.append({"epoch": message.get("epoch"), **logs})
        wait_ms = 0


def _read_lines(process: subprocess.Popen[str], last: deque[str], on_line: Callable[[str], None]) -> None:
    for line in process.stdout or ():
        text = line.rstrip()
        if text:
            last.append(text)
            on_line(text)


def _end(process: subprocess.Popen[str]) -> None:
    """Leave nothing running, the engine's own children included."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(GRACE_S + 5)
    except subprocess.TimeoutExpired:
        kill_session(process)
