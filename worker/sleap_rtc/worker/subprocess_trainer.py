"""Adapter: runs a training engine in a session of its own, tethered to the worker, and listens to it.

Lines of output come over its pipes, progress over ZMQ (`engine_link.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from sleap_rtc.worker.engine.exit_status import DIVERGED
from sleap_rtc.worker.engine_dialogue import EngineDialogue
from sleap_rtc.worker.engine_link import EngineLink
from sleap_rtc.worker.engine_software import engine_software
from sleap_rtc.worker.tether import GRACE_S, hold_session, kill_session, release_session, tethered
from sleap_rtc.worker.trainer import TITLES, TrainerName, TrainingResult, command
from sleap_rtc.worker.training_commands import TrainingCommands
from sleap_rtc.worker.training_failure import failure_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sleap_rtc.worker.package import TrainingPackage
    from sleap_rtc.worker.training_events import OnEvent

_POLL_MS = 20
"""How late a command may reach the engine."""
_LAST_LINES = 20


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
        *,
        on_event: OnEvent = lambda _: None,
        commands: TrainingCommands | None = None,
        on_message: Callable[[str], None] = lambda _: None,
    ) -> TrainingResult:
        """Run the engine to its end."""
        commands = commands or TrainingCommands()
        folder = package.folder / "models" / package.run_name
        try:
            arguments = command(self._name)
            with EngineLink(on_message) as link:
                engine = _Engine(
                    [*arguments, *_options(package, overrides, link)],
                    package.folder,
                    on_line,
                    self.title,
                    folder,
                )
                dialogue = EngineDialogue(link, engine, commands, on_event, package.folder)
                engine.run(link, dialogue, stop)
        finally:
            commands.close()
        return TrainingResult(
            folder, tuple(dialogue.epochs), engine_software(folder, arguments[0]), dialogue.stopped
        )


def _options(package: TrainingPackage, overrides: Mapping[str, str], link: EngineLink) -> list[str]:
    options = {
        **overrides,
        "trainer_config.ckpt_dir": "models",
        "trainer_config.run_name": package.run_name,
        "trainer_config.zmq.controller_port": str(link.controller_port),
        "trainer_config.zmq.publish_port": str(link.publish_port),
    }
    # Hydra's ++ sets a key whether or not the configuration has it; many have no zmq section.
    named = [f"++{name}={value}" for name, value in options.items()]
    return ["--config-name", package.config.name, "--config-dir", ".", *named]


class _Engine:
    """The engine's processes."""

    can_hold = sys.platform != "win32"

    def __init__(
        self,
        arguments: list[str],
        folder: Path,
        on_line: Callable[[str], None],
        title: str,
        run_folder: Path,
    ) -> None:
        self._last: list[str] = []
        self._title = title
        self._run_folder = run_folder
        self._executable = arguments[0]
        self._process = subprocess.Popen(
            tethered(arguments),
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(
            target=_read_lines, args=(self._process, self._last, on_line), daemon=True
        )
        self._reader.start()

    def run(self, link: EngineLink, dialogue: EngineDialogue, stop: threading.Event) -> None:
        """Listen until it ends, or end it.

        Raises:
            JobFailed: it ended with a fault.
        """
        process = self._process
        try:
            while process.poll() is None and not stop.is_set() and not dialogue.hopeless:
                heard = _hear(link, dialogue, _POLL_MS)
                dialogue.turn(time.monotonic(), quiet=not heard)
            while _hear(link, dialogue, 0):
                pass
        finally:
            _end(process)
            self._reader.join(timeout=GRACE_S)
            dialogue.end(well=process.returncode == 0 and not stop.is_set())
        if stop.is_set():
            return
        if dialogue.hopeless or process.returncode != 0:
            status = DIVERGED if dialogue.hopeless else process.returncode
            raise failure_of(self._title, status, self._last)

    def title(self) -> str:
        """Return the engine's name and version."""
        told = engine_software(self._run_folder, self._executable).get("trainer")
        return str(told or self._title)

    def hold(self) -> None:
        """Let nothing of it run."""
        hold_session(self._process)

    def let_go(self) -> None:
        """Let it run."""
        release_session(self._process)


def _hear(link: EngineLink, dialogue: EngineDialogue, wait_ms: int) -> bool:
    message = link.hear(wait_ms)
    if message is not None:
        dialogue.hear(message)
    return message is not None


def _read_lines(process: subprocess.Popen[str], last: list[str], on_line: Callable[[str], None]) -> None:
    for line in process.stdout or ():
        text = line.rstrip()
        if text:
            last.append(text)
            del last[:-_LAST_LINES]
            on_line(text)


def _end(process: subprocess.Popen[str]) -> None:
    """Leave nothing running, the engine's own children included."""
    if process.stdin is not None:
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_S + 5)
    if process.returncode is None or process.returncode < 0:  # the tether could not see to it
        kill_session(process)
