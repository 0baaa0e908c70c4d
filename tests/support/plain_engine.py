"""A program called sleap-nn that speaks its messages, obeys nothing but its stop, and learns nothing.

It is a process of its own, found on PATH like the real one, so that what is done to processes is done.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_PROGRAM = """#!{python}
import json, os, pathlib, subprocess, sys, time
import zmq

settings = dict(word.lstrip("+").split("=", 1) for word in sys.argv if word.startswith("++"))
run = pathlib.Path(settings["trainer_config.ckpt_dir"], settings["trainer_config.run_name"])
run.mkdir(parents=True)
(run / "training_config.yaml").write_text("sleap_nn_version: 0.3.5\\n")
(run / "best.ckpt").write_bytes(b"weights")
context = zmq.Context()
publisher, controller = context.socket(zmq.PUB), context.socket(zmq.SUB)
publisher.connect("tcp://127.0.0.1:" + settings["trainer_config.zmq.publish_port"])
controller.subscribe("")
controller.connect("tcp://127.0.0.1:" + settings["trainer_config.zmq.controller_port"])


def say(event, logs=None, **fields):
    publisher.send_string(json.dumps({{"what": "", "event": event, "logs": logs, **fields}}))


def train(epochs):
    # Lightning logs the epoch, too, as a fraction.
    say("train_begin", wandb_url=None)
    for epoch in range(epochs):
        say("epoch_begin", epoch=epoch)
        for batch in range(10):
            say("batch_end", epoch=epoch, batch=batch, logs={{"loss": 1 / (1 + batch)}})
            if controller.poll(10) and json.loads(controller.recv()).get("command") == "stop":
                say("epoch_end", epoch=epoch, logs={{"train/loss": 0.5}})
                say("train_end")
                return
        say("epoch_end", epoch=epoch, logs={{"train/loss": 0.5, "epoch": float(epoch)}})
    say("train_end")


{before}
train(int(settings.get("trainer_config.max_epochs", "1000000")))
context.destroy(linger=1000)
{after}
"""


def install_plain_engine(
    folder: Path, monkeypatch: pytest.MonkeyPatch, before: str = "", after: str = ""
) -> None:
    """Put the program on PATH.

    Args:
        folder: where to.
        monkeypatch: of the test.
        before: lines of Python that it runs before it trains.
        after: and afterwards.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "sleap-nn"
    program.write_text(_PROGRAM.format(python=sys.executable, before=before, after=after))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
