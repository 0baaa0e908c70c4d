"""Our client at the existing tool's own worker, as a process. It is no part of this repository; to run this:

git clone https://github.com/talmolab/sleap-rtc existing && git -C existing checkout 3b8e718
python -m venv existing/.venv
existing/.venv/bin/pip install aiortc websockets requests pyzmq jsonpickle loguru click
SLEAP_RTC_TEST_EXISTING_TOOL=existing pytest tests/client/test_real_existing_worker.py
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import zipfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from client.existing_scene import Desk
from support.existing_worker import training_package
from support.loop import in_loop_with_processes, until
from support.signaling import Hall, open_hall

from sleap_rtc.storage.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sleap_rtc.local.issuer import LocalIssuer

CHECKOUT = os.environ.get("SLEAP_RTC_TEST_EXISTING_TOOL", "")
PYTHON = os.environ.get("SLEAP_RTC_TEST_EXISTING_PYTHON", f"{CHECKOUT}/.venv/bin/python")
pytestmark = pytest.mark.skipif(
    not CHECKOUT, reason="SLEAP_RTC_TEST_EXISTING_TOOL names no checkout of the existing tool"
)
ENGINE = """#!/usr/bin/env python3
import pathlib, sys
words = sys.argv
if words[1] == "track":
    data = pathlib.Path(words[words.index("--data_path") + 1])
    pathlib.Path(words[words.index("-o") + 1]).write_bytes(data.read_bytes())
    sys.exit()
name = next(word for word in words if word.startswith("trainer_config.run_name=")).split("=")[1]
print("Epoch 0", flush=True)
if name == "broken":
    sys.exit(3)
run = pathlib.Path("models", name)
run.mkdir(parents=True, exist_ok=True)
(run / "best.ckpt").write_bytes(b"weights" * 50_000)
"""


class RealWorker:
    """The process, and what it printed."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "worker.log"
        self._engine = folder / "bin" / "sleap-nn"
        self._folder = folder / "working directory"

    @asynccontextmanager
    async def running(self, hall: Hall) -> AsyncIterator[RealWorker]:
        """Work until the block ends."""
        self._prepare()
        environment = {
            **os.environ,
            "PYTHONPATH": CHECKOUT,
            "PATH": f"{self._engine.parent}{os.pathsep}{os.environ['PATH']}",
            "SLEAP_RTC_SIGNALING_WS": hall.ws_url,
            "SLEAP_RTC_SIGNALING_HTTP": hall.http_url,
        }
        process = await asyncio.create_subprocess_exec(
            *(PYTHON, "-u", "-c", "from sleap_rtc.rtc_worker import run_RTCworker; run_RTCworker()"),
            cwd=self._folder,
            env=environment,
            stdout=self.log.open("wb"),
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            await self.says(r"sleap-session:\S+")
            yield self
            assert process.returncode is None, self.log.read_text()
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def says(self, pattern: str, times: int = 1) -> str:
        """Wait until its output matches; return the last match."""
        await until(lambda: len(self._found(pattern)) >= times)
        return self._found(pattern)[-1]

    def _found(self, pattern: str) -> list[str]:
        return [str(found) for found in re.findall(pattern, self.log.read_text("utf-8", "replace"))]

    def _prepare(self) -> None:
        self._folder.mkdir()
        self._engine.parent.mkdir()
        self._engine.write_text(ENGINE)
        self._engine.chmod(0o755)


@in_loop_with_processes
async def test_it_trains_fails_and_tracks_for_our_client_and_lives_on(
    token_issuer: LocalIssuer, tmp_path: Path
) -> None:
    package = training_package(tmp_path / "Meine Mäuse 1.zip", padding=os.urandom(1_000_000))
    async with open_hall(token_issuer) as hall, RealWorker(tmp_path).running(hall) as worker:
        desk = Desk(hall, tmp_path / "desk")
        session = await worker.says(r"sleap-session:\S+")
        trained = await desk.run("client-train", "--pkg_path", str(package), "--session_string", session)
        assert trained.status == 0, trained.err
        results = zipfile.ZipFile(desk.folder / "trained_Meine Mäuse 1.zip")
        assert results.read("centroid/best.ckpt") == b"weights" * 50_000
        (model,) = json.loads((await desk.run("models", "ls", "--here", "--json")).out)
        assert model["model_type"] == "centroid"

        await worker.says(r"Ready for new client connection", times=1)
        room, token = await worker.says(r"Room ID: (\S+)"), await worker.says(r"Token:\s+(\S+)")
        found = ("--room-id", room, "--token", token, "--auto-select")
        broken = training_package(tmp_path / "broken.zip", "broken")
        failed = await desk.run("client-train", "-p", str(broken), *found)
        assert failed.status == ExitCode.JOB_FAILED, failed.err
        assert "exit code 3" in failed.err

        await worker.says(r"Ready for new client connection", times=2)
        data = tmp_path / "Käfig 3.pkg.slp"
        data.write_bytes(b"poses")
        tracked = await desk.run(
            *("client-track", "-d", str(data), "-m", model["id"], "-o", "out.slp"), *found
        )
        assert tracked.status == 0, tracked.err
        assert (desk.folder / "out.slp").read_bytes() == b"poses"
