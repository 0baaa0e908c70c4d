"""Orchestration: the commands by which the product downloads, and what merely loading it costs."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from peers import PROGRAMS

if TYPE_CHECKING:
    from pathlib import Path

    from ground import Ground, Sent


def url_download(ground: Ground, store_url: str, sent: Sent, target: Path) -> list[str]:
    """Return the command that downloads an object over a presigned URL, without boto3."""
    etag = str(ground.s3.head_object(Bucket=sent.bucket, Key=sent.key)["ETag"])
    url = ground.sign_get(store_url, sent.bucket, sent.key)
    program = str(PROGRAMS / "url_download.py")
    return [sys.executable, program, url, etag, sent.checksum, str(sent.size_bytes), str(target)]


def worker_download(store_url: str, sent: Sent, target: Path) -> list[str]:
    """Return the command that downloads an object with a worker's credentials, boto3's start-up included."""
    program = str(PROGRAMS / "worker_download.py")
    return [sys.executable, program, store_url, sent.bucket, sent.dataset, str(target)]


def start_up(command: list[str], environment: dict[str, str], listed: Path) -> list[str]:
    """Run a command of Python once, and return one that only loads the modules that it loaded.

    Args:
        command: such as [python, "-m", module, ...] or [python, file, ...].
        environment: what it needs.
        listed: where the names of the modules are kept.
    """
    traced = [command[0], str(PROGRAMS / "trace_imports.py"), str(listed), *command[1:]]
    subprocess.run(traced, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, check=True)
    return [command[0], str(PROGRAMS / "import_all.py"), str(listed)]
