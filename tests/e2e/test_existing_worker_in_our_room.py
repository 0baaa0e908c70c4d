"""A room of the service in which only a worker of the existing tool is: nothing may be uploaded for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import urllib3
from support.existing_worker import existing_worker, training_package
from support.loop import in_loop_with_processes
from support.signaling import Answer

from sleap_rtc.storage.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product, Said


@dataclass
class AtService:
    """The signaling of a running service, as the existing tool's peers use it."""

    product: Product

    @property
    def ws_url(self) -> str:
        return f"{self.product.stack.service_url.replace('http', 'ws', 1)}/ws"

    async def http(self, method: str, path: str, token: str | None = None, **body: Any) -> Answer:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        url = self.product.stack.service_url + path

        def ask() -> Answer:
            reply = urllib3.request(method, url, headers=headers, json=body or None, retries=False)
            return Answer(reply.status, reply.json())

        return await asyncio.to_thread(ask)


async def command(product: Product, *arguments: str, **environment: str) -> Said:
    return await asyncio.to_thread(product.run, *arguments, **environment)


@in_loop_with_processes
async def test_however_large_a_dataset_is_it_goes_over_webrtc(product: Product, tmp_path: Path) -> None:
    room_id = product.new_room()
    service = AtService(product)
    owner = product.stack.issuer.token("local-user")
    made = await service.http("POST", f"/api/rooms/{room_id}/signaling-token", owner)
    room = {"room_id": room_id, "token": made.body["token"]}
    package = training_package(tmp_path / "p.zip", padding=b"x" * 50_000)
    large = {"SLEAP_RTC_LARGE_FILE_THRESHOLD": "1000"}
    order = ("client-train", "-p", str(package), "-r", room_id)
    async with existing_worker(service, tmp_path / "worker", room=room) as worker:
        forced = await command(product, *order, "--force-transport", "s3", **large)
        assert forced.status == ExitCode.BAD_INPUT
        assert "knows nothing of S3" in forced.sentence
        assert not worker.heard
        lines = (await command(product, *order, "--json", **large)).json_lines()
        assert [line["transport"] for line in lines if line["kind"] == "transport"] == ["webrtc"]
        assert len([line for line in lines if line["kind"] == "kept"]) == 1
        assert worker.heard[-1] == "END_OF_FILE"
    assert (await command(product, "uploads", "ls", "-r", room_id, "--json")).json() == []
    assert (await command(product, "jobs", "ls", "-r", room_id, "--json")).json() == []


@in_loop_with_processes
async def test_poses_are_predicted_over_webrtc(product: Product, tmp_path: Path) -> None:
    room_id = product.new_room()
    service = AtService(product)
    owner = product.stack.issuer.token("local-user")
    made = await service.http("POST", f"/api/rooms/{room_id}/signaling-token", owner)
    room = {"room_id": room_id, "token": made.body["token"]}
    data, model, output = tmp_path / "flies.pkg.slp", tmp_path / "model", tmp_path / "out.slp"
    data.write_bytes(b"poses" * 10_000)
    model.mkdir()
    (model / "best.ckpt").write_bytes(b"weights")
    order = ("client-track", "-d", str(data), "-m", str(model), "-o", str(output), "-r", room_id)
    async with existing_worker(service, tmp_path / "worker", room=room):
        refused = await command(product, *order, "--set", "batch_size=2")
        assert (refused.status, "knows nothing of --set" in refused.sentence) == (3, True)
        lines = (await command(product, *order, "--json")).json_lines()
        assert [line["transport"] for line in lines if line["kind"] == "transport"] == ["webrtc"]
        assert output.read_bytes() == data.read_bytes() + b"weights"
    assert (await command(product, "uploads", "ls", "-r", room_id, "--json")).json() == []
