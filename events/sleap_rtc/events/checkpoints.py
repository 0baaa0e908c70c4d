"""Orchestration: the checkpoint from which a job goes on after its worker is lost.

Its files come first and its record last, by a conditional write: what a holder brings late, whose job was
given to another one, does not take the place of what that one brought.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sleap_rtc.events.jobs import LeaseLost
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Document, Documents, DocumentTooNew, DocumentUnreadable
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.manifest import ModelFile
from sleap_rtc.storage.object_store import Overwrite

if TYPE_CHECKING:
    from sleap_rtc.events.job_reports import Hold
    from sleap_rtc.storage.object_store import ObjectStore

MOST_FILES = 8


class Checkpoint(Document):
    """`{room_id}/jobs/{job_id}/checkpoint/checkpoint.json`.

    `turn` is the place of the model among those of the job. `epoch`, like it counted from 0, is in it, and a
    later one may be. It serves a training of the same configuration and kind of model by the same trainer,
    and no other.
    """

    room_id: str = Field(max_length=32)
    job_id: str = Field(max_length=26)
    fencing: int = Field(ge=1, le=2**53)
    slot: Literal["a", "b"]
    turn: int = Field(0, ge=0, le=2**10)
    epoch: int = Field(ge=0, le=2**31)
    model_type: str = Field(max_length=64)
    config_checksum: str = Field(max_length=64)
    trainer: str = Field(max_length=200)
    files: tuple[ModelFile, ...] = Field(max_length=MOST_FILES)
    saved_at: datetime

    @property
    def folder(self) -> keys.CheckpointFolder:
        """Where its files lie."""
        return keys.CheckpointFolder(self.room_id, self.job_id, self.fencing, self.slot)


class Checkpoints:
    """The checkpoints of all jobs. Every method may raise Unreachable and Refused.

    Args:
        objects: the rooms bucket.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._records = Documents(objects, Checkpoint)

    def find(self, room_id: str, job_id: str) -> Checkpoint | None:
        """Return the checkpoint of a job that counts, if there is one.

        Raises:
            DocumentUnreadable: its record is damaged, or from a newer version.
        """
        try:
            return self._records.read(keys.checkpoint_key(room_id, job_id)).value
        except NotFound:
            return None

    def keep(self, checkpoint: Checkpoint) -> None:
        """Let a checkpoint count, all of whose files are there; doing it twice changes nothing.

        It takes the place of a record that is damaged, from which nobody could go on.

        Raises:
            LeaseLost: one of a later holder does already.
            DocumentTooNew: one of a newer version does.
        """

        def newer(present: Checkpoint) -> Checkpoint:
            if present.fencing > checkpoint.fencing:
                raise LeaseLost(held=checkpoint.fencing, current=present.fencing)
            return checkpoint

        key = keys.checkpoint_key(checkpoint.room_id, checkpoint.job_id)
        try:
            self._records.change(key, newer, start=lambda: checkpoint)
        except DocumentTooNew:
            raise
        except DocumentUnreadable:
            self._objects.put(key, checkpoint.model_dump_json(indent=1).encode(), Overwrite())

    def discard(self, hold: Hold) -> None:
        """Remove what a holder brought of a job that was cancelled meanwhile."""
        try:
            found = self.find(hold.room_id, hold.job_id)
        except DocumentUnreadable:
            found = None
        if found is not None and found.fencing == hold.fencing:
            self._objects.delete(keys.checkpoint_key(hold.room_id, hold.job_id))
        for slot in ("a", "b"):
            folder = keys.CheckpointFolder(hold.room_id, hold.job_id, hold.fencing, slot)
            for info in list(self._objects.list(str(folder))):
                self._objects.delete(info.key)
