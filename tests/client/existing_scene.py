"""A user's machine beside a signaling server, from which commands are run as processes."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from support.signaling import Hall


@dataclass
class Ended:
    """A command that came to its end."""

    status: int
    out: str
    err: str

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """Return what it printed of a kind as JSON."""
        lines = [json.loads(line) for line in self.out.splitlines()]
        return [line for line in lines if line["kind"] == kind]


class Desk:
    """A user's machine: a folder to work in, and a home."""

    def __init__(self, hall: Hall, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SLEAP_RTC_")}
        self.environment = {
            **kept,
            "HOME": str(folder),
            "SLEAP_RTC_LIVE_SIGNALING_URL": hall.ws_url,
            "SLEAP_RTC_LIVE_SIGNALING_HTTP_URL": hall.http_url,
        }

    async def run(self, *arguments: str) -> Ended:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sleap_rtc.client", *arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    def left(self) -> list[str]:
        """Return what lies in the folder for everybody to see, and what should not."""
        return [name for name in names_in(self.folder) if name != ".sleap-rtc"]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
