"""Adapter: tells whoever listens how the training goes, and hears commands, over ZeroMQ.

Messages and addresses are sleap-nn's (``sleap_nn/training/callbacks.py``): the trainer connects, the worker
binds. A message is a JSON text ``{"what", "event", "logs", ...}``. What sleap-nn does not have is marked +.

    train_begin            wandb_url (always null), + abilities, + epochs, + batches
    epoch_begin            epoch
    batch_start            batch
    batch_end              epoch, batch, logs: loss, train/lr
    epoch_end              epoch, logs: loss, train/loss, val/loss, train/lr, val_loss, val_error_px
    + paused, + resumed
    + command_done         id, effect, files, values
    + command_refused      id, why
    train_end

A command is ``{"command": "stop"}``, as sleap-nn has it, or has an id: ``{"command", "id", ...}``. One that
comes again under its id is not done again; its answer is repeated.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Protocol, TypeAlias

import zmq

HOST: Final = "tcp://127.0.0.1"
LISTENER_WAIT_MS: Final = 2000
"""How long the first message waits for somebody to have subscribed; later ones never wait."""
LINGER_MS: Final = 1000
"""How long the end of the run waits for the last messages to leave."""
LONGEST_WAIT_MS: Final = 10_000
"""How long a paused run sleeps at a time; a command wakes it at once."""

Command: TypeAlias = Mapping[str, Any]


class Progress(Protocol):
    """Where a run reports to and takes commands from. Neither method raises."""

    def publish(self, event: str, *, logs: Mapping[str, float] | None = None, **fields: object) -> None:
        """Reports an event; one that nobody hears is lost."""
        ...

    def commands(self, *, wait: bool = False) -> list[Command]:
        """The commands that have come in since the last call, each once.

        Args:
            wait: Whether to wait for one, at no cost, for a while.
        """
        ...


class MemoryProgress:
    """Keeps the events in a list, and commands what ``script`` says to it; a wait for nothing is an error."""

    def __init__(self, script: Callable[[list[dict[str, object]]], Sequence[Command]] = lambda _: ()) -> None:
        self.events: list[dict[str, object]] = []
        self._script = script

    def publish(self, event: str, *, logs: Mapping[str, float] | None = None, **fields: object) -> None:
        """Appends the event."""
        self.events.append({"event": event, "logs": logs, **fields})

    def commands(self, *, wait: bool = False) -> list[Command]:
        """Asks the script."""
        commands = list(self._script(self.events))
        if wait and not commands:
            raise RuntimeError("paused, and the script says nothing more")
        return commands


class ZmqProgress:
    """Reports to and listens on ports of this machine; a port that is None is left out.

    The publishing socket is an XPUB, which is a PUB that also sees who subscribes: so the first message can
    wait for the listener instead of for some time.

    Args:
        what: The name of the run, in every message.
        publish_port: Where a SUB socket is bound.
        controller_port: Where a PUB socket is bound.
    """

    def __init__(self, what: str, *, publish_port: int | None, controller_port: int | None) -> None:
        self._what = what
        self._context = zmq.Context()
        self._waited = False
        self._answers: dict[str, str | None] = {}
        self._publisher: zmq.Socket[bytes] | None = None
        self._controller: zmq.Socket[bytes] | None = None
        if publish_port is not None:
            self._publisher = self._context.socket(zmq.XPUB)
            self._publisher.connect(f"{HOST}:{publish_port}")
        if controller_port is not None:
            self._controller = self._context.socket(zmq.SUB)
            self._controller.subscribe("")
            self._controller.connect(f"{HOST}:{controller_port}")

    def __enter__(self) -> "ZmqProgress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets the last messages leave; harmless when it is closed already."""
        self._context.destroy(linger=LINGER_MS)
        self._publisher = self._controller = None

    def publish(self, event: str, *, logs: Mapping[str, float] | None = None, **fields: object) -> None:
        """Sends the event; the first one waits for a listener, two seconds at most."""
        if self._publisher is None:
            return
        if not self._waited:
            self._publisher.poll(LISTENER_WAIT_MS)
            self._waited = True
        text = json.dumps({"what": self._what, "event": event, "logs": logs, **fields})
        if "id" in fields:
            self._answers[str(fields["id"])] = text
        self._publisher.send_string(text)

    def commands(self, *, wait: bool = False) -> list[Command]:
        """What has come in; what is not understood is passed over, as sleap-nn does."""
        commands: list[Command] = []
        wait_ms = LONGEST_WAIT_MS if wait else 0
        while self._controller is not None and self._controller.poll(wait_ms):
            wait_ms = 0
            try:
                command = json.loads(self._controller.recv())
            except ValueError:
                continue
            if isinstance(command, dict) and self._is_new(command.get("id")):
                commands.append(command)
        return commands

    def _is_new(self, command_id: object) -> bool:
        if command_id is None:
            return True
        key = str(command_id)
        if key not in self._answers:
            self._answers[key] = None
            return True
        answer = self._answers[key]
        if answer is not None and self._publisher is not None:
            self._publisher.send_string(answer)
        return False
