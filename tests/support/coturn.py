"""A real TURN server, coturn, in a namespace, for as long as a test needs it."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from support.netns import HUB_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.netns import Namespace

PORT = 3478
UDP_URL = f"turn:{HUB_ADDRESS}:{PORT}?transport=udp"
TCP_URL = f"turn:{HUB_ADDRESS}:{PORT}?transport=tcp"
_LOOK_EVERY_S = 0.05
_SETTINGS = """
listening-ip={address}
listening-port={port}
relay-ip={address}
use-auth-secret
static-auth-secret={secret}
realm=sleap-rtc.test
no-tls
no-dtls
no-cli
simple-log
log-file=stdout
pidfile={folder}/pid
userdb={folder}/db
"""


def why_no_coturn() -> str:
    """Return why there is no TURN server here; empty if there is."""
    return (
        ""
        if shutil.which("turnserver")
        else "coturn is not installed (make test-turn, or apt-get install coturn)"
    )


@contextmanager
def running_coturn(where: Namespace, folder: Path, secret: str) -> Iterator[None]:
    """Run coturn with the settings that docs/signaling.md names while the block runs."""
    folder.mkdir()
    config, log = folder / "turnserver.conf", folder / "log"
    config.write_text(_SETTINGS.format(address=HUB_ADDRESS, port=PORT, secret=secret, folder=folder))
    server = where.start(["sh", "-c", 'exec turnserver -c "$0" > "$1" 2>&1', str(config), str(log)])
    with server:
        try:
            while not where.listens(PORT):
                assert server.poll() is None, log.read_text()[-2000:]
                time.sleep(_LOOK_EVERY_S)
            yield
        finally:
            server.kill()
