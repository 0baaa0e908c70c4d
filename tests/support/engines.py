"""Starts engines that are not the embedded one, for as long as a test needs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sleap_rtc.local.engine import LOOPBACK, answers, free_port
from support.product import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WEED_PORTS = ("master.port", "filer.port", "volume.port", "s3.port", "webdav.port", "admin.port")
ENGINES = ["ministack", "moto", pytest.param("localstack", marks=pytest.mark.localstack)]
"""What a test may be parametrised with; the fixture `{engine}_url` returns the engine's address."""


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], folder: Path, ready_url: str
) -> Iterator[None]:
    """Run an engine for as long as the context is open."""
    with (folder / "engine.log").open("wb") as log:
        engine = subprocess.Popen(
            command, env={**os.environ, **environment}, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            eventually(lambda: engine.poll() is not None or answers(ready_url))
            assert engine.poll() is None, (folder / "engine.log").read_text()
            yield
        finally:
            engine.terminate()
            engine.wait()


@contextmanager
def running_moto() -> Iterator[str]:
    """Run moto's server in this process; yield its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(LOOPBACK, port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


@contextmanager
def running_localstack(folder: Path) -> Iterator[str]:
    """Run LocalStack from the environment that `make test-localstack` sets up; yield its address."""
    python = os.environ.get("SLEAP_RTC_TEST_LOCALSTACK")
    assert python, "run this with `make test-localstack`, which sets LocalStack up"
    port = free_port()
    environment = {
        "GATEWAY_LISTEN": f"{LOOPBACK}:{port}",
        "SERVICES": "s3,sqs,sns,sts,iam",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "S3_SKIP_SIGNATURE_VALIDATION": "0",
        "DNS_ADDRESS": "0",
        "EAGER_SERVICE_LOADING": "1",
        "LOCALSTACK_VOLUME_DIR": str(folder / "volume"),
    }
    url = f"http://{LOOPBACK}:{port}"
    command = [python, "-m", "localstack.runtime.main"]
    with running(command, environment, folder, f"{url}/_localstack/health"):
        yield url


@contextmanager
def running_seaweedfs(folder: Path) -> Iterator[str]:
    """Run SeaweedFS as a store that takes the credentials test and test; yield its address."""
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert weed, "run this with `make test-seaweedfs`, which sets SeaweedFS up"
    ports = {name: free_port() for name in WEED_PORTS}
    data = folder / "weed"
    data.mkdir()
    command = [
        weed,
        "-logtostderr=true",
        "mini",
        f"-dir={data}",
        f"-ip={LOOPBACK}",
        f"-ip.bind={LOOPBACK}",
        "-master.telemetry=false",
        *(f"-{name}={port}" for name, port in ports.items()),
    ]
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    url = f"http://{LOOPBACK}:{ports['s3.port']}"
    with running(command, credentials, folder, f"{url}/healthz"):
        yield url
