"""The steps of the service's container file, done in a folder: the image starts, is well, and stops.

No container engine is asked for: `/opt` and `/src` lie below a folder, an empty environment of Python stands
for the base image. Run alone with `make test-image`.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from pathspec import PathSpec
from support.container_file import ROOT, ContainerFile
from support.product import Product, eventually

from sleap_rtc.local.engine import free_port
from sleap_rtc.local.issuer import ISSUER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.image


class Image:
    """What the builder makes in a folder.

    Args:
        folder: stands for the root of the image.
        file: what to build.
    """

    def __init__(self, folder: Path, file: ContainerFile) -> None:
        self.file = file
        self._folder = folder
        self._base = folder / "base"
        self.source = folder / "src"
        subprocess.run([sys.executable, "-m", "venv", str(self._base)], check=True)

    def below(self, text: str) -> str:
        """Return a text with the image's paths below the folder."""
        return text.replace("/opt/", f"{self._folder}/opt/").replace("${SOURCE_DATE_EPOCH}", "315532800")

    def copy_context(self) -> None:
        """Copy what git knows and the builder gets."""
        ignored = PathSpec.from_lines("gitignore", (ROOT / ".dockerignore").read_text().splitlines())
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        known = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        for name in known.stdout.decode().splitlines():
            if not ignored.match_file(name):
                (self.source / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, self.source / name)

    def run(self, step: str) -> None:
        """Do what a RUN says in the stage `build`."""
        environment = self.environment("build", self._base / "bin")
        command = ["sh", "-ec", self.below(step)]
        done = subprocess.run(
            command, cwd=self.source, env=environment, capture_output=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, done.stderr

    def environment(self, stage: str, programs: Path) -> dict[str, str]:
        """Return the variables of a stage."""
        set_there = {name: self.below(value) for name, value in self.file.environment(stage).items()}
        return {**os.environ, **set_there, "PATH": f"{programs}:{os.environ['PATH']}"}

    def wheel(self) -> bytes:
        """Return the hash of the wheel that was built."""
        (wheel,) = (self._folder / "opt" / "wheel").glob("*.whl")
        return hashlib.sha256(wheel.read_bytes()).digest()

    def start(self, command: list[str], more: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start a command as the image would."""
        programs = self._folder / "opt" / "sleap-rtc" / "bin"
        program, *arguments = command
        environment = {**self.environment("", programs), **more}
        return subprocess.Popen([str(programs / program), *arguments], env=environment, cwd=self._folder)


def refers_to_no_time(byte_code: Path) -> bool:
    """Tell whether a file of byte code has the hash of its source in place of its time (PEP 552)."""
    return byte_code.read_bytes()[4:8] == b"\x01\x00\x00\x00"


def test_what_the_steps_make_starts_is_well_and_stops(product: Product, tmp_path: Path) -> None:
    image = Image(tmp_path, ContainerFile("service/Containerfile"))
    image.copy_context()
    first, second = image.file.stage("build").values("RUN")
    image.run(first)
    image.run(second)
    assert all(refers_to_no_time(path) for path in (tmp_path / "opt" / "sleap-rtc" / "lib").rglob("*.pyc"))
    wheel = image.wheel()
    for path in image.source.rglob("*"):
        os.utime(path)
    image.run(shlex.join(second.split("&&")[0].split()))
    assert image.wheel() == wheel, "built twice, the wheel is another"

    port = str(free_port())
    where = {
        **product.stack.cloud_environment,
        "SLEAP_RTC_JWKS_URL": product.stack.issuer.jwks_url,
        "SLEAP_RTC_ISSUER": ISSUER,
        "HOME": str(tmp_path),
    }
    service = image.start([*image.file.command(""), "--port", port], where)
    try:
        program, *arguments = (word.replace("8700", port) for word in image.file.health_check(""))
        eventually(lambda: service.poll() is not None or image.start([program, *arguments], {}).wait() == 0)
        service.terminate()
        assert service.wait(60) == 0
    finally:
        service.kill()
