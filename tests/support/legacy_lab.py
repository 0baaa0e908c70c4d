"""A worker for clients of the existing tool, and such clients, over a real signaling server and WebRTC."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sleap_rtc.live.legacy_file import UP_FRAME_BYTES
from sleap_rtc.live.legacy_frames import (
    FileMeta,
    InferenceJobsDone,
    LogLine,
    OutputDir,
    PackageType,
    ProgressReport,
    TrackLog,
    TrainingJobsDone,
)
from sleap_rtc.live.legacy_session import LegacySession
from sleap_rtc.live.legacy_signaling import LegacyAnswered, LegacyDeclined, LegacyOffered
from sleap_rtc.live.signaling_client import Card, SignalingClient
from sleap_rtc.live.signaling_messages import Metadata
from sleap_rtc.worker.legacy_desk import LegacyDesk
from sleap_rtc.worker.legacy_shop import LegacyShop
from sleap_rtc.worker.live_status import tell_status
from sleap_rtc.worker.shift import Shift
from sleap_rtc.worker.shift_watch import ShiftWatch
from sleap_rtc.worker.slot import Slot
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer
from support.legacy import Heard
from support.loop import until
from support.signaling import TAGS, open_hall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sleap_rtc.live.legacy_frames import LegacyFrame
    from sleap_rtc.live.legacy_signaling import LegacyReceived
    from sleap_rtc.local.issuer import LocalIssuer
    from sleap_rtc.storage.manifest import ModelRecord
    from support.signaling import Hall

WORKER_ID = "gpu"


@dataclass
class Kept:
    """Takes models as a room would."""

    records: list[ModelRecord] = field(default_factory=list)
    files: list[set[str]] = field(default_factory=list)

    def send(self, folder: Path, record: ModelRecord) -> None:
        """Take one."""
        self.files.append({file.name for file in record.files if (folder / file.name).is_file()})
        self.records.append(record)


class Client:
    """A client of the existing tool's kind that is in the room."""

    def __init__(self, signaling: SignalingClient, worker_id: str = WORKER_ID) -> None:
        self.signaling = signaling
        self._worker_id = worker_id
        self.heard = Heard()
        self.session: LegacySession | None = None
        self.signals: list[LegacyReceived] = []
        signaling.listen_legacy(self.signals.append)

    async def answer(self) -> LegacyAnswered | LegacyDeclined:
        """Offer a session and return what is said to it."""
        self.session, offer = await LegacySession.offering(self._worker_id, self.heard)
        await self.signaling.send_legacy(self._worker_id, LegacyOffered(offer))
        await until(lambda: bool(self.signals))
        signal = self.signals.pop(0).signal
        assert isinstance(signal, LegacyAnswered | LegacyDeclined)
        return signal

    async def connect(self) -> LegacySession:
        """Connect to the worker."""
        answer = await self.answer()
        assert isinstance(answer, LegacyAnswered), answer
        assert self.session is not None
        await self.session.answered(answer.sdp)
        await self.session.opened()
        return self.session

    async def send(
        self, path: Path, kind: str = "train", *, progress: bool = False, size: int | None = None
    ) -> LegacySession:
        """Connect and send a package as the existing client does."""
        session = await self.connect()
        session.send(PackageType(kind))
        session.send(OutputDir("models"))
        meta = FileMeta(path.name, _size_of(path) if size is None else size, str(progress))
        await session.send_file(path, meta, UP_FRAME_BYTES)
        return session

    async def finished(self) -> list[LegacyFrame]:
        """Wait for the end of the job; return the frames without lines, bytes and progress."""
        ends = (TrainingJobsDone(), InferenceJobsDone())
        await until(lambda: any(end in self.heard.frames for end in ends))
        return self.told()

    def told(self) -> list[LegacyFrame]:
        """Return the frames so far, without lines, bytes and progress."""
        noise = (bytes, LogLine, TrackLog, ProgressReport)
        return [frame for frame in self.heard.frames if not isinstance(frame, noise)]

    @property
    def lines(self) -> list[str]:
        """The lines of output so far."""
        return [frame.text for frame in self.heard.frames if isinstance(frame, LogLine | TrackLog)]

    @property
    def progress(self) -> list[str]:
        """The engine's messages so far."""
        return [frame.json for frame in self.heard.frames if isinstance(frame, ProgressReport)]

    async def workers(self, **properties: Any) -> list[str]:
        """Return the workers of the room that look like this."""
        found = await self.signaling.discover(
            {"role": "worker", "tags": ["sleap-rtc"], "properties": properties}
        )
        return [peer.peer_id for peer in found]

    async def until_available(self) -> None:
        """Wait until the worker takes offers again."""
        while not await self.workers(status="available"):  # noqa: ASYNC110 # it has no event
            await asyncio.sleep(0.05)


@dataclass
class LegacyLab:
    """A room with one worker."""

    hall: Hall
    room_id: str
    slot: Slot
    stop: asyncio.Event
    kept: Kept
    work_dir: Path

    @asynccontextmanager
    async def client(self, subject: str = "bob") -> AsyncIterator[Client]:
        """Let a client into the room."""
        self.hall.let_in(self.room_id, subject, "member")
        token = self.hall.issuer.token(subject)
        signaling = SignalingClient(self.hall.ws_url, Card(self.room_id, subject, "client"), lambda: token)
        client = Client(signaling)
        async with signaling.running():
            await signaling.registered()
            try:
                yield client
            finally:
                if client.session is not None:
                    await client.session.close()


@asynccontextmanager
async def legacy_lab(
    issuer: LocalIssuer, work_dir: Path, *, trainer: Any = None, keeps_models: bool = True
) -> AsyncIterator[LegacyLab]:
    """Run a worker in a room of its own."""
    async with open_hall(issuer) as hall:
        room_id, _ = hall.open_room()
        hall.let_in(room_id, WORKER_ID, "member")
        token = issuer.token(WORKER_ID)
        card = Card(room_id, WORKER_ID, "worker", Metadata(tags=TAGS, properties={"status": "available"}))
        signaling = SignalingClient(hall.ws_url, card, lambda: token)
        slot, stop, kept = Slot(), asyncio.Event(), Kept()
        shop = LegacyShop(
            room_id,
            "worker-1",
            trainer or SubprocessTrainer("reference"),
            kept if keeps_models else None,
        )
        shift = ShiftWatch(Shift(), _no_messages, stop)
        desk = LegacyDesk(signaling, lambda: signaling.ice_servers, slot, shift, shop, work_dir)
        async with signaling.running():
            await signaling.registered()
            serving = asyncio.gather(desk.run(stop), tell_status(signaling, slot, stop))
            try:
                yield LegacyLab(hall, room_id, slot, stop, kept, work_dir)
            finally:
                stop.set()
                await serving


def _size_of(path: Path) -> int:
    return path.stat().st_size


async def _no_messages(message: object) -> Any:
    raise AssertionError(message)
