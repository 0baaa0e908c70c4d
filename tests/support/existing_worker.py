"""A worker that speaks the existing tool's wire as it was in November 2025, and has its defects.

It has its own WebSocket, connection and parser, so that a mistake of ours is not made twice. As the original:
it never closes the connection, says nothing where its package lacks a script, sends TRAINING_JOBS_DONE after
errors too, sends the results of an earlier job where there are none, declines an offer while it is reserved
with a message that the original server answers with an error, and ends at the first error it is told.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import zipfile
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from aiortc import RTCPeerConnection, RTCSessionDescription
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiortc import RTCDataChannel
    from websockets.asyncio.client import ClientConnection

    from support.signaling import Answer

CHUNK = 32 * 1024
_TRAIN = re.compile(r"^\s*sleap-(?:nn\s+)?train\s+.*--config-name\s+(\S+)", re.MULTILINE)


@dataclass
class Engine:
    """What the worker's engine does.

    Attributes:
        lines: of its output.
        exit_status: by configuration; 0 where none is given.
        missing: the engine is not installed: the job begins and nothing ever comes of it.
        reports: what it says over ZMQ, if the client wants it.
        checkpoint: the weights that it leaves.
        breaks_off_after: bytes of the results, at which the worker vanishes.
        waits_for_control: it goes on until it is told something.
    """

    lines: tuple[str, ...] = ("Epoch 0: loss 0.5\n", "\rEpoch 1:  50%", "Epoch 1: loss 0.4\n")
    exit_status: dict[str, int] = field(default_factory=dict)
    missing: bool = False
    reports: tuple[str, ...] = ()
    checkpoint: bytes = b"weights" * 20_000
    breaks_off_after: int | None = None
    waits_for_control: bool = False


class Place(Protocol):
    """Where the signaling is."""

    @property
    def ws_url(self) -> str:
        """Of the WebSocket."""

    async def http(self, method: str, path: str, token: str | None = None, **body: Any) -> Answer:
        """Ask the HTTP API."""


class ExistingWorker:
    """One worker. `folder` is its working directory."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.engine = engine
        self.folder = folder
        self.peer_id = ""
        self.room_id = ""
        self.token = ""
        self.status = "available"
        self.ended = asyncio.Event()
        self.heard: list[str | int] = []
        """Texts as they came, and the sizes of binary frames."""
        self.controls: list[str] = []
        self.properties: dict[str, Any] = {
            "gpu_memory_mb": 8000,
            "gpu_model": "Test GPU",
            "sleap_version": "unknown",
            "cuda_version": "N/A",
            "hostname": "old-gpu",
            "max_concurrent_jobs": 1,
            "supported_models": ["base", "centroid", "topdown"],
            "supported_job_types": ["training", "inference"],
        }
        self._control = asyncio.Event()
        self._socket: ClientConnection | None = None
        self._connection = RTCPeerConnection()
        self._id_token = ""
        self._output_dir = ""
        self._kind = "train"
        self._name = ""
        self._gui = False
        self._received = bytearray()
        self._zipped: Path | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def session_string(self) -> str:
        """Return what the worker prints."""
        import base64

        session = json.dumps({"r": self.room_id, "t": self.token, "p": self.peer_id})
        return "sleap-session:" + base64.urlsafe_b64encode(session.encode()).decode()

    async def run(self, hall: Place, room: dict[str, str] | None, registered: asyncio.Event) -> None:
        """Work until an error ends it."""
        signed_in = (await hall.http("POST", "/anonymous-signin")).body
        self.peer_id, self._id_token = signed_in["username"], signed_in["id_token"]
        made = room or (await hall.http("POST", "/create-room", self._id_token)).body
        self.room_id, self.token = made["room_id"], made["token"]
        try:
            async with connect(hall.ws_url) as socket:
                self._socket = socket
                await self.register()
                async for text in socket:
                    if not await self._signalled(json.loads(text), registered):
                        return
        except ConnectionClosed:
            pass
        finally:
            self.ended.set()
            await self._connection.close()

    async def register(self) -> None:
        """Be in the room, again if need be."""
        self._fresh_connection()
        tags = ["sleap-rtc", "training-worker", "inference-worker"]
        await self._say(
            type="register",
            peer_id=self.peer_id,
            room_id=self.room_id,
            token=self.token,
            id_token=self._id_token,
            role="worker",
            metadata={"tags": tags, "properties": {**self.properties, "status": self.status}},
        )

    def _fresh_connection(self) -> None:
        self._connection = RTCPeerConnection()
        self._connection.on("datachannel", self._channel)
        self._connection.on("iceconnectionstatechange", self._ice)

    async def _ice(self) -> None:
        if self._connection.iceConnectionState == "closed" and not self.ended.is_set():
            self.status = "available"
            with suppress(ConnectionClosed):
                await self.register()

    async def _signalled(self, data: dict[str, Any], registered: asyncio.Event) -> bool:
        if data["type"] == "offer":
            await self._offered(data)
        elif data["type"] == "registered_auth":
            registered.set()
        elif data["type"] == "error":
            return False
        return True

    async def _offered(self, data: dict[str, Any]) -> None:
        if self.status in ("busy", "reserved"):
            why = {"reason": "worker_busy", "message": f"Worker is currently {self.status}."}
            await self._say(type="error", target=data["sender"], current_status=self.status, **why)
            return
        await self.set_status("reserved")
        await self._connection.setRemoteDescription(RTCSessionDescription(data["sdp"], "offer"))
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        sdp = self._connection.localDescription.sdp
        await self._say(type="answer", sender=self.peer_id, target=data["sender"], sdp=sdp)

    async def set_status(self, status: str) -> None:
        """Tell the room how busy it is; the original server forgets the tags then."""
        self.status = status
        metadata = {"properties": {"status": status}}
        await self._say(type="update_metadata", peer_id=self.peer_id, metadata=metadata)

    async def _say(self, **message: Any) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps(message))

    def _channel(self, channel: RTCDataChannel) -> None:
        def on_message(message: str | bytes) -> None:
            self.heard.append(message if isinstance(message, str) else len(message))
            if isinstance(message, bytes):
                if message != b"KEEP_ALIVE":
                    self._received.extend(message)
            elif message == "END_OF_FILE":
                task = asyncio.create_task(self._whole(channel))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            elif "PACKAGE_TYPE::" in message:
                self._kind = message.split("::", 1)[1]
            elif "OUTPUT_DIR::" in message:
                self._output_dir = message.split("OUTPUT_DIR::", 1)[1]
            elif "FILE_META::" in message:
                self._name, size, gui = message.split("FILE_META::", 1)[1].split(":")
                int(size)
                self._gui = gui.lower() == "true"
                self._received.clear()
            elif "ZMQ_CTRL::" in message:
                self.controls.append(message.split("ZMQ_CTRL::", 1)[1])
                self._control.set()
            else:
                raise AssertionError(f"the original asks its terminal what to say to {message!r}")

        channel.on("message", on_message)

    async def _whole(self, channel: RTCDataChannel) -> None:
        saved = self.folder / self._name
        saved.write_bytes(self._received)
        shutil.unpack_archive(saved, self.folder)
        unpacked = self.folder / self._name[:-4]
        script = unpacked / f"{self._kind}-script.sh"
        if not script.exists():
            return
        if self._kind == "track":
            await self._track(channel, unpacked, script)
        else:
            await self._train(channel, unpacked, script)

    async def _train(self, channel: RTCDataChannel, unpacked: Path, script: Path) -> None:
        for config in _TRAIN.findall(_text(script)):
            job = config.removesuffix(".yaml")
            channel.send(f"TRAIN_JOB_START::{job}")
            if self.engine.missing:
                return
            for line in self.engine.lines:
                channel.send(line)
            for report in self.engine.reports if self._gui else ():
                channel.send(f"PROGRESS_REPORT::{report}")
            if self.engine.waits_for_control:
                await self._control.wait()
            status = self.engine.exit_status.get(job, 0)
            if status:
                channel.send(f"TRAIN_JOB_ERROR::{job}::{status}")
                continue
            run = unpacked / "models" / job
            run.mkdir(parents=True)
            (run / "best.ckpt").write_bytes(self.engine.checkpoint + job.encode())
            (run / "training_config.yaml").write_text(
                "model_config:\n head_configs:\n  centroid: {anchor_part: null}\n"
            )
            channel.send(f"TRAIN_JOB_END::{job}")
        channel.send("TRAINING_JOBS_DONE")
        models = unpacked / self._output_dir
        if models.exists():
            stem = self.folder / f"trained_{self._name[:-4]}"
            self._zipped = self.folder / shutil.make_archive(str(stem), "zip", models)
        if self._zipped is not None:
            await self._send_file(channel, self._zipped)

    async def _track(self, channel: RTCDataChannel, unpacked: Path, script: Path) -> None:
        channel.send("INFERENCE_START")
        channel.send("INFERENCE_JOB_START::inference")
        words = _text(script).replace("\\\n", " ").split()
        for line in self.engine.lines:
            channel.send(f"TRACK_LOG:{line.strip()}")
        if status := self.engine.exit_status.get("inference"):
            channel.send(f"INFERENCE_JOB_ERROR::inference::{status}")
            return
        channel.send("INFERENCE_JOB_END::inference")
        if not self.engine.missing:
            data = unpacked / words[words.index("--data_path") + 1]
            models = [unpacked / words[i + 1] for i, word in enumerate(words) if word == "--model_paths"]
            weights = b"".join((model / "best.ckpt").read_bytes() for model in models)
            (unpacked / words[words.index("-o") + 1]).write_bytes(data.read_bytes() + weights)
        if found := _predictions(unpacked):
            await self._send_file(channel, found[0])
        channel.send("INFERENCE_JOBS_DONE")

    async def _send_file(self, channel: RTCDataChannel, path: Path) -> None:
        channel.send(f"FILE_META::{path.name}:{_size(path)}:{self._output_dir}")
        sent = 0
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                if self.engine.breaks_off_after is not None and sent >= self.engine.breaks_off_after:
                    self.ended.set()
                    await self._connection.close()
                    return
                channel.send(chunk)
                sent += len(chunk)
        channel.send("END_OF_FILE")


def _text(path: Path) -> str:
    return path.read_text()


def _size(path: Path) -> int:
    return path.stat().st_size


def _predictions(folder: Path) -> list[Path]:
    return list(folder.glob("*.predictions.slp"))


@asynccontextmanager
async def existing_worker(
    hall: Place, folder: Path, engine: Engine | None = None, room: dict[str, str] | None = None
) -> AsyncIterator[ExistingWorker]:
    """Have a worker in a room of its own, or in a given one, while the block runs."""
    worker = ExistingWorker(folder, engine or Engine())
    registered = asyncio.Event()
    running = asyncio.create_task(worker.run(hall, room, registered))
    try:
        async with asyncio.timeout(20):
            await registered.wait()
        yield worker
    finally:
        worker.ended.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def packed(path: Path, entries: dict[str, str | bytes]) -> Path:
    """Make a zip file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def training_package(path: Path, *jobs: str, inside: str | None = None, padding: bytes = b"") -> Path:
    """Make a package that trains with one configuration after the other."""
    folder = f"{path.stem if inside is None else inside}/"
    names = jobs or ("centroid",)
    script = "".join(f"sleap-nn train --config-name {job}.yaml --config-dir .\n" for job in names)
    entries: dict[str, str | bytes] = {"train-script.sh": f"#!/bin/bash\n{script}", "data.pkg.slp": padding}
    entries |= {f"{job}.yaml": "model_config: {}\n" for job in names}
    return packed(path, {f"{folder if folder != '/' else ''}{name}": each for name, each in entries.items()})
