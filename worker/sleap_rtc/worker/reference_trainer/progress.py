"""Adapter: tells whoever listens how the training goes, and hears the command to stop, over ZeroMQ.

Messages and addresses are sleap-nn's (``sleap_nn/training/callbacks.py``): the trainer connects, the worker
binds. A message is a JSON text ``{"what", "event", "logs", ...}``, the one command ``{"command": "stop"}``.

    train_begin            wandb_url (always null)
    epoch_begin            epoch
    batch_start            batch
    batch_end              epoch, batch, logs: loss
    epoch_end              epoch, logs: loss, train/loss, val/loss, train/lr, val_loss, val_error_px
    train_end
"""

import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Protocol

import zmq

HOST: Final = "tcp://127.0.0.1"
LISTENER_WAIT_MS: Final = 2000
"""How long the first message waits for somebody to have subscribed; later ones never wait."""
LINGER_MS: Final = 1000
"""How long the end of the run waits for the last messages to leave."""


class Progress(Protocol):
    """Where a run reports to and takes commands from. Neither method raises."""

    def publish(self, event: str, *, logs: Mapping[str, float] | None = None, **fields: int | None) -> None:
        """Reports an event; one that nobody hears is lost."""
        ...

    def stop_requested(self) -> bool:
        """Whether a stop was asked for since the start; never waits."""
        ...


class MemoryProgress:
    """Keeps the events in a list, and asks for a stop when ``stop_when`` says so of them."""

    def __init__(self, stop_when: Callable[[list[dict[str, object]]], bool] = lambda _: False) -> None:
        self.events: list[dict[str, object]] = []
        self._stop_when = stop_when

    def publish(self, event: str, *, logs: Mapping[str, float] | None = None, **fields: int | None) -> None:
        """Appends the event."""
        self.events.append({"event": event, "logs": logs, **fields})

    def stop_requested(self) -> bool:
        """Asks the rule that the list was made with."""
        return self._stop_when(self.events)


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
        self._stop = False
        self._waited = False
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
        self._context.destroy(linger=LINGER_MS)

    def publish(self, event: str, *, logs: Mapping[str, float] | None = None, **fields: int | None) -> None:
        """Sends the event; the first one waits for a listener, two seconds at most."""
        if self._publisher is None:
            return
        if not self._waited:
            self._publisher.poll(LISTENER_WAIT_MS)
            self._waited = True
        self._publisher.send_string(json.dumps({"what": self._what, "event": event, "logs": logs, **fields}))

    def stop_requested(self) -> bool:
        """Takes the commands that have come in; what is not understood is passed over, as sleap-nn does."""
        while self._controller is not None and self._controller.poll(0):
            try:
                command = json.loads(self._controller.recv())
            except ValueError:
                continue
            if isinstance(command, dict) and command.get("command") == "stop":
                self._stop = True
        return self._stop
