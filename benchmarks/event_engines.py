"""Adapter: the engines that speak S3, SQS and SNS in one, on loopback."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.local.engine import LOOPBACK, answers, free_port, start_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCALSTACK_PYTHON = Path(__file__).parents[1] / ".venv-localstack" / "bin" / "python"
_READY_WITHIN_S = 90.0


class EngineMissing(Exception):
    """The engine is not installed here."""


@contextmanager
def event_engine(name: str, folder: Path) -> Iterator[str]:
    """Run MiniStack or LocalStack in a folder; yield its address.

    Raises:
        EngineMissing: LocalStack has no environment of its own here.
    """
    folder.mkdir(parents=True)
    if name == "ministack":
        engine, url = start_engine(folder, folder / "engine.log")
        try:
            yield url
        finally:
            engine.stop()
        return
    with _localstack(folder) as url:
        yield url


@contextmanager
def _localstack(folder: Path) -> Iterator[str]:
    python = Path(os.environ.get("SLEAP_RTC_TEST_LOCALSTACK", _LOCALSTACK_PYTHON))
    if not python.is_file():
        raise EngineMissing(
            "LocalStack is not installed here (`make .venv-localstack/.ready`, or SLEAP_RTC_TEST_LOCALSTACK "
            "names a python that has it)."
        )
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
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
    with (folder / "engine.log").open("wb") as log:
        engine = subprocess.Popen(
            [str(python), "-m", "localstack.runtime.main"],
            env={**os.environ, **environment},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        try:
            deadline = time.monotonic() + _READY_WITHIN_S
            while not answers(f"{url}/_localstack/health"):
                if engine.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"LocalStack did not start: {Path(log.name).read_text()[-500:]}")
                time.sleep(0.1)
            yield url
        finally:
            engine.terminate()
            engine.wait()
