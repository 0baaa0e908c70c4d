"""A model goes from the desktop that trained it to a client, found through the service's own signaling."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest
from support.product import eventually

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.local.engine import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.product import Product, Said

FAST = ("--set", "trainer_config.max_epochs=2")


class Desktop:
    """A worker of the kind that stays, without credentials for the store."""

    def __init__(self, product: Product, folder: Path) -> None:
        self.room = product.new_room()
        self.metrics_port = free_port()
        self._product = product
        mine = {k: v for k, v in product.client_environment.items() if not k.startswith("AWS_")}
        own = {
            "SLEAP_RTC_DATA_DIR": str(folder / "data"),
            "SLEAP_RTC_METRICS_PORT": str(self.metrics_port),
            "SLEAP_RTC_WORKER_KIND": "desktop",
        }
        command = [sys.executable, "-m", "sleap_rtc.client", "worker", "--room-id", self.room]
        self._log = (folder / "worker.log").open("w")
        self._process = subprocess.Popen(
            command, env={**mine, **own}, stdout=self._log, stderr=subprocess.STDOUT
        )

    def trains(self, package: Path) -> str:
        """Have a model trained; return its id once a client would be sent to this worker for it."""
        command = ("client-train", "-p", str(package), "-r", self.room, *FAST, "--detach")
        sent = self._product.run(*command)
        assert sent.status == 0, sent.err
        model_id = str(self._product.wait_for_job(self.room, "published")["model_id"])
        mine = self._product.client_environment
        service = ServiceClient(mine["SLEAP_RTC_BACKEND_API_URL"], mine["SLEAP_RTC_TOKEN"])
        eventually(lambda: model_id in service.manifest(self.room).models)
        eventually(lambda: bool(service.request_download(self.room, model_id).peers))
        return model_id

    def pull(self, model_id: str, output: Path) -> Said:
        return self._product.run("models", "pull", model_id, "-r", self.room, "-o", str(output))

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            return str(answer.read(), "utf-8")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._log.close()


@pytest.fixture
def desktop(product: Product, tmp_path: Path) -> Iterator[Desktop]:
    worker = Desktop(product, tmp_path)
    yield worker
    worker.end()


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_model_comes_from_the_desktop_that_trained_it_and_from_s3_once_that_is_gone(
    product: Product, desktop: Desktop, small_package: Path, tmp_path: Path
) -> None:
    model_id = desktop.trains(small_package)
    shown = product.run("models", "show", model_id, "-r", desktop.room).out
    assert "no worker that is there now" not in shown
    first = desktop.pull(model_id, tmp_path / "one")
    assert first.status == 0, first.err
    assert "All of it came from a desktop of the room" in first.out
    size = size_of(tmp_path / "one")
    assert f'sleap_rtc_peer_served_bytes_total{{path="direct"}} {float(size)}' in desktop.metrics()
    desktop.kill()
    second = desktop.pull(model_id, tmp_path / "two")
    assert second.status == 0, second.err
    assert "is verified" in second.out
    assert "came from a desktop" not in second.out
    assert "not in the room at the moment" in second.err
    assert size_of(tmp_path / "two") == size
