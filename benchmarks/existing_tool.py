"""Orchestration: the existing tool itself sends a package, from a checkout of it that is given by path.

Its client and its worker find each other through our signaling; what goes from peer to peer is theirs alone,
as it comes, with all that they log. The time runs from the worker's line that says that the file is announced
until the file lies beside it.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import uuid
import zipfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sleap_rtc.local.issuer import AUDIENCE, ISSUER, LocalIssuer
from sleap_rtc.service.identity import TokenVerifier
from sleap_rtc.service.rooms import Rooms
from sleap_rtc.service.signaling.listeners import SOCKET_TERMS, Ports, listening
from sleap_rtc.service.signaling.wiring import make_signaling
from sleap_rtc.settings import Settings
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.part_plan import MIB

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_WITHIN_S = 900.0
_LOOK_EVERY_S = 0.02
_WORKER = "from sleap_rtc.rtc_worker import run_RTCworker; run_RTCworker()"


def transfer(checkout: Path, folder: Path, size_bytes: int) -> float:
    """Return with how many MiB/s the existing tool brings so many bytes to its worker."""
    return asyncio.run(_transfer(checkout, folder / f"existing-{uuid.uuid4().hex[:6]}", size_bytes))


async def _transfer(checkout: Path, folder: Path, size_bytes: int) -> float:
    here, there = folder / "client", folder / "worker"
    here.mkdir(parents=True)
    there.mkdir()
    package = _package(here / "package.zip", size_bytes)
    async with asyncio.timeout(_WITHIN_S), _signaling(folder / "issuer") as urls:
        worker = _start(checkout, there, urls, "-c", _WORKER)
        client = None
        try:
            said = await _says(there, worker, r"sleap-session:\S+")
            train = ("-m", "sleap_rtc.cli", "client-train", "--pkg_path", str(package), "--session_string")
            client = _start(checkout, here, urls, *train, said)
            await _says(there, worker, r"File metadata received")
            loop = asyncio.get_running_loop()
            begun, arrived = loop.time(), there / package.name
            # Nobody tells of it but the file itself.
            while not (arrived.exists() and arrived.stat().st_size == package.stat().st_size):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_EVERY_S)
            return package.stat().st_size / MIB / (loop.time() - begun)
        finally:
            for process in (worker, client):
                if process is not None:
                    process.kill()
                    process.wait()


@asynccontextmanager
async def _signaling(folder: Path) -> AsyncIterator[dict[str, str]]:
    """Have our signaling at ports of its own; yield what the existing tool calls their addresses."""
    issuer, store = LocalIssuer(folder), MemoryObjectStore()
    settings = Settings(jwks_url=issuer.jwks_url, issuer=ISSUER, audience=AUDIENCE, anonymous_signin=True)
    signaling = make_signaling(settings, store, TokenVerifier(settings), Rooms(store, lambda _: None))
    for_ws, for_http = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    try:
        async with listening(Ports(for_ws, for_http), signaling, SOCKET_TERMS):
            yield {
                "SLEAP_RTC_SIGNALING_WS": f"ws://127.0.0.1:{for_ws.getsockname()[1]}",
                "SLEAP_RTC_SIGNALING_HTTP": f"http://127.0.0.1:{for_http.getsockname()[1]}",
            }
    finally:
        issuer.close()


def _package(path: Path, size_bytes: int) -> Path:
    with zipfile.ZipFile(path, "w") as package:
        script = "#!/bin/bash\nsleap-nn train --config-name centroid.yaml --config-dir .\n"
        package.writestr(f"{path.stem}/train-script.sh", script)
        package.writestr(f"{path.stem}/centroid.yaml", "model_config: {}\n")
        package.writestr(f"{path.stem}/data.pkg.slp", bytes(size_bytes))
    return path


def _start(checkout: Path, folder: Path, urls: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    python = os.environ.get("SLEAP_RTC_TEST_EXISTING_PYTHON", f"{checkout.resolve()}/.venv/bin/python")
    environment = {**os.environ, **urls, "PYTHONPATH": str(checkout.resolve())}
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [python, "-u", *arguments], cwd=folder, env=environment, stdout=log, stderr=log
        )


async def _says(folder: Path, process: subprocess.Popen[bytes], pattern: str) -> str:
    """Wait until a process says something; return it."""
    while not (found := re.search(pattern, (folder / "log").read_text("utf-8", "replace"))):
        if process.poll() is not None:
            raise SystemExit(
                f"the existing tool ended: {(folder / 'log').read_text('utf-8', 'replace')[-1000:]}"
            )
        await asyncio.sleep(_LOOK_EVERY_S)
    return found[0]
