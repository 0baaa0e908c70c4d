"""Adapter: models that this worker has published and keeps to read them out to peers of their room.

    served-models/
        centroid_0a1b2c3d/                    appears whole, by a rename
            best.ckpt, training_config.yaml   hard links to what the job left, or copies
            model.json                        the record: of which room, which files; touched when used
        .gpu7-4026531836.4711.01KAS….tmp/     of a process: what it is making or removing

A file is read out only if a record of the room names it. The least recently used model goes first.
"""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import ValidationError

from sleap_rtc.events.workers import MOST_MODELS
from sleap_rtc.live.errors import ReadRefused
from sleap_rtc.storage.manifest import ModelRecord
from sleap_rtc.storage.process_tag import in_force, process_tag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sleap_rtc.live.file_requests import What

log = logging.getLogger(__name__)

_RECORD = "model.json"
_SUFFIX = ".tmp"


class ServedModels:
    """The kept models of one room. Several workers on a machine may share the folder.

    Args:
        folder: where they lie; made when it is needed.
        room_id: whose models are read out.
        budget_bytes: how much all models in the folder may have together.
    """

    def __init__(self, folder: Path, room_id: str, budget_bytes: int) -> None:
        self._folder = folder
        self._room_id = room_id
        self._budget_bytes = budget_bytes

    def keep(self, folder: Path, record: ModelRecord) -> None:
        """Keep a model. What goes wrong is logged: the model is published, and that is what counts."""
        try:
            if record.size_bytes <= self._budget_bytes:
                self._make_room(record.size_bytes)
                self._add(folder, record)
        except OSError as error:
            log.warning("model %s is not kept for peers: %s", record.model_id, error)

    def ids(self) -> tuple[str, ...]:
        """Return the room's models, the most recently used first."""
        ours = [record for _, record in self._kept() if record.room_id == self._room_id]
        return tuple(record.model_id for record in reversed(ours))[:MOST_MODELS]

    def find(self, what: What) -> Path:
        """Return where a file lies.

        Raises:
            ReadRefused: the room has no such model here, or the model no such file.
        """
        for path, record in self._kept(what.model_id) if what.model_id else ():
            if record.room_id == self._room_id and record.model_id == what.model_id:
                if what.file not in {file.name for file in record.files}:
                    break
                with suppress(OSError):
                    os.utime(path / _RECORD)
                return path / what.file
        # Whoever asks does not learn which of the two it is, nor of other rooms' models.
        raise ReadRefused(code="unknown_file", why="there is no such file of a model of this room here")

    def prune(self) -> None:
        """Remove what is beyond the budget and what killed processes left."""
        with suppress(OSError):
            for path in self._folder.glob(f".*{_SUFFIX}"):
                if not in_force(path.name.removeprefix(".").removesuffix(_SUFFIX)):
                    shutil.rmtree(path, ignore_errors=True)
        self._make_room(0)

    def _kept(self, model_id: str = "") -> Iterator[tuple[Path, ModelRecord]]:
        """Yield folders and records, the least recently used first."""
        found = []
        for path in self._folder.glob(f"[!.]*_{model_id or '*'}/{_RECORD}"):
            # It may be leaving just now.
            with suppress(OSError, ValidationError):
                found.append((path.stat().st_mtime, path.parent, path.read_bytes()))
        for _, folder, written in sorted(found):
            with suppress(ValidationError):
                yield folder, ModelRecord.model_validate_json(written)

    def _make_room(self, needed_bytes: int) -> None:
        kept = list(self._kept())
        total = needed_bytes + sum(record.size_bytes for _, record in kept)
        for path, record in kept:
            if total <= self._budget_bytes:
                return
            if self._remove(path):
                total -= record.size_bytes
                log.info("model %s is not kept for peers any more", record.model_id)

    def _add(self, source: Path, record: ModelRecord) -> None:
        target = self._folder / f"{record.model_type}_{record.model_id}"
        with process_tag() as tag:
            made = self._folder / f".{tag}{_SUFFIX}"
            try:
                made.mkdir(parents=True)
                for file in record.files:
                    _link(source / file.name, made / file.name)
                (made / _RECORD).write_text(record.model_dump_json(indent=1), encoding="utf-8")
                # The same files may have been published in another room, or by another worker here.
                self._remove(target)
                made.rename(target)
            finally:
                shutil.rmtree(made, ignore_errors=True)

    def _remove(self, path: Path) -> bool:
        with process_tag() as tag:
            leaving = self._folder / f".{tag}{_SUFFIX}"
            try:
                path.rename(leaving)
            except OSError:  # it is gone, or on Windows somebody reads it
                return False
            shutil.rmtree(leaving, ignore_errors=True)
            return True


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)
