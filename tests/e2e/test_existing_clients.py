"""A worker as a process of its own, and clients of the existing tool that find it by what it prints."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from support.legacy_lab import Client
from support.legacy_packages import FOR_EVER, training_package
from support.loop import until
from support.product import eventually

from sleap_rtc.live.legacy_frames import EndOfFile, TrainJobEnd, ZmqCtrl
from sleap_rtc.live.sign_in import sign_in_anonymously
from sleap_rtc.live.signaling_client import Card, SignalingClient

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.product import Product

LONGEST_S = 180.0
FAST = ("--set", "trainer_config.max_epochs=2")


def printed(worker: subprocess.Popen[str]) -> dict[str, str]:
    """Return what a worker prints for clients of the existing tool."""
    found: dict[str, str] = {}
    assert worker.stdout is not None
    while "Token" not in found:
        line = worker.stdout.readline().strip()
        assert line or worker.poll() is None, worker.communicate()
        name, _, value = line.partition(":")
        if name in {"sleap-session", "Room ID", "Token"}:
            found[name] = value.strip()
    return found


@asynccontextmanager
async def client_with(product: Product, session: str) -> AsyncIterator[tuple[Client, str]]:
    """Let somebody into a room who has nothing but a session string, as the existing client reads it."""
    told = json.loads(base64.urlsafe_b64decode(session))
    url = product.stack.client_environment["SLEAP_RTC_BACKEND_API_URL"]
    who = await asyncio.to_thread(sign_in_anonymously, url)
    card = Card(told["r"], who.peer_id, "client")
    ws = f"ws{url.removeprefix('http')}/ws"
    signaling = SignalingClient(ws, card, lambda: who.id_token, room_token=told["t"])
    client = Client(signaling, told["p"])
    async with signaling.running():
        await signaling.registered()
        yield client, who.peer_id
        if client.session is not None:
            await client.session.close()


def test_a_client_with_a_session_string_shares_a_worker_with_the_queue(
    product: Product, small_package: Path, tmp_path: Path
) -> None:
    room = product.new_room()
    endless = training_package(tmp_path / "Mäuse.zip", ["centroid"], epochs=FOR_EVER)
    worker = product.start("worker", "--room-id", room, "-w", str(tmp_path / "jobs"))
    try:
        found = printed(worker)
        assert found["Room ID"] == room
        told = json.loads(base64.urlsafe_b64decode(found["sleap-session"]))
        assert told == {"r": room, "t": found["Token"], "p": told["p"]}

        async def story() -> tuple[str, datetime]:
            async with client_with(product, found["sleap-session"]) as (client, peer_id):
                session = await client.send(endless)
                await until(lambda: any("epoch 1/" in line for line in client.lines))
                await asyncio.to_thread(submit, product, room, small_package)
                stopped_at = datetime.now(UTC)
                session.send(ZmqCtrl('{"command": "stop"}'))
                await until(lambda: EndOfFile() in client.heard.frames)
                assert TrainJobEnd("centroid") in client.told()
                return peer_id, stopped_at

        peer_id, stopped_at = asyncio.run(asyncio.wait_for(story(), LONGEST_S))
        job = product.wait_for_job(room, "published")
        claimed_at = [edge["at"] for edge in job["history"] if edge["state"] == "claimed"]
        assert [datetime.fromisoformat(at) > stopped_at for at in claimed_at] == [True]
        models: dict[str, Any] = {}

        def both_are_there() -> bool:
            listed = product.run("models", "ls", "-r", room, "--json").json()
            models.update({model["id"]: model for model in listed})
            return len(models) == 2

        eventually(both_are_there)
        (guest,) = [model for model in models.values() if model["training"]["trained_by"] == peer_id]
        assert guest["id"] != job["model_id"]
        assert guest["training"]["dataset_hash"]
    finally:
        worker.send_signal(signal.SIGTERM)
        _, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    assert not list((tmp_path / "jobs").iterdir())


def submit(product: Product, room: str, package: Path) -> None:
    """Send a job to the room's queue, and wait until it is there."""
    sent = product.run(
        "client-train", "-p", str(package), "-r", room, *FAST, "--force-transport", "s3", "--detach"
    )
    assert sent.status == 0, sent.err
    product.wait_for_job(room, "queued")
