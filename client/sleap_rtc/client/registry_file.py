"""Adapter: the registry's files, which several processes and the existing tool share.

    ~/.sleap-rtc/models/                made with mode 0700
    ├── manifest.json                   {"version": "1.0", "models": {id: entry}, "aliases": {alias: id}}
    ├── manifest.json.lock              held around every change
    ├── manifest.json.backup.<time>     what was there when a manifest could not be understood
    ├── manifest.json.<random>.tmp      a change on its way; left behind only by a crash
    ├── manifest.room.<room_id>.json    what a room said when it was asked last, and when (`room_view.py`)
    └── <model type>_<id>/              a model's files, or a link to them

The manifest is the existing tool's, byte for byte where nothing changed, and fields that this version does
not know stay in it. What rooms said has files of its own: the manifest has one alias for a model and no
versions, and a room has more.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from sleap_rtc.client.registry_errors import (
    RegistryBusyError,
    RegistryUnreadableError,
    RegistryUnwritableError,
    RegistryVersionError,
)
from sleap_rtc.storage.keys import checked_room_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sleap_rtc.client.model_entry import Entry

VERSION = "1.0"

NONSENSE = (ValueError, RecursionError)  # what parsing raises: bad JSON, bad UTF-8, too deep

Models: TypeAlias = "dict[str, Entry]"
Aliases: TypeAlias = "dict[str, str]"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RegistryFile:
    """A manifest, which need not exist, and beside it what rooms said.

    Every method may raise a RegistryError: a file cannot be read or written, is in use, or is a newer one.
    """

    path: Path
    now_text: Callable[[], str]
    lock_timeout_s: float

    def load(self) -> tuple[Models, Aliases]:
        """Return entries by id and ids by alias. A manifest that makes no sense is backed up and replaced."""
        try:
            document = self._decode()
        except NONSENSE:
            with self.locked():
                document = self._decode_or_start_afresh()
        return document["models"], document["aliases"]

    def load_held(self) -> tuple[Models, Aliases]:
        """Return what `load` does for a caller who holds the lock."""
        document = self._decode_or_start_afresh()
        return document["models"], document["aliases"]

    @contextmanager
    def changing(self) -> Iterator[tuple[Models, Aliases]]:
        """Lend what `load` returns under the lock, and save it unless the block raises or changes nothing."""
        with self.locked(), self.editing() as held:
            yield held

    @contextmanager
    def editing(self) -> Iterator[tuple[Models, Aliases]]:
        """Do what `changing` does for a caller who holds the lock."""
        document = self._decode_or_start_afresh()
        self._check_version(document)
        document["version"] = VERSION
        yield document["models"], document["aliases"]
        data = encode_manifest(document)
        if data != self._read(self.path):
            self._write(self.path, data)

    def load_view(self, room_id: str) -> bytes | None:
        """Return what was kept of a room, None if nothing was.

        Raises:
            InputError: the text cannot be a room id.
        """
        return self._read(self._view_path(room_id))

    def save_view(self, room_id: str, data: bytes) -> None:
        """Keep what a room said, for a caller who holds the lock."""
        self._write(self._view_path(room_id), data)

    def _view_path(self, room_id: str) -> Path:
        return self.path.with_name(f"{self.path.stem}.room.{checked_room_id(room_id)}.json")

    def _decode(self) -> dict[str, Any]:
        data = self._read(self.path)
        document = {"version": VERSION} if data is None else json.loads(data)
        if not isinstance(document, dict):
            raise ValueError("it is not a JSON object")
        models, aliases = document.setdefault("models", {}), document.setdefault("aliases", {})
        if not (_maps_to(dict, models) and _maps_to(str, aliases)):
            self._check_version(document)  # a newer one may make sense to the program that wrote it
            raise ValueError("its models or aliases are not what a registry has")
        return document

    def _decode_or_start_afresh(self) -> dict[str, Any]:
        try:
            return self._decode()
        except NONSENSE as why:
            kept = self._back_up()
            self._write(self.path, encode_manifest({"version": VERSION, "models": {}, "aliases": {}}))
            told = (
                "%s could not be understood (%s) and %s; the registry starts empty: import the models again"
            )
            _log.warning(told, self.path, why, kept)
            return self._decode()

    def _check_version(self, document: Mapping[str, Any]) -> None:
        version = document.get("version")
        if version is not None and not re.fullmatch(r"0(\.\d+)?|1(\.0)?", str(version)):
            raise RegistryVersionError(path=self.path, version=version)

    def _back_up(self) -> str:
        backup = self.path.with_name(f"{self.path.name}.backup.{self.now_text().replace(':', '-')}")
        self._write(backup, self._read(self.path) or b"")
        return f"is kept as {backup.name}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock that every change takes; it cannot be taken twice."""
        # Imported here because reading needs no lock, and this takes longer than all else in this module.
        from filelock import FileLock, Timeout

        target = self.path.resolve()
        lock = FileLock(target.with_name(f"{target.name}.lock"))
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock.acquire(timeout=self.lock_timeout_s)
        except Timeout:
            raise RegistryBusyError(path=self.path, waited_s=self.lock_timeout_s) from None
        except NotImplementedError:
            # Some network homes have no locks. Then the later of two changes wins, and the file stays whole.
            _log.warning("%s is on a file system without locks; use one process at a time", self.path.parent)
        except OSError as error:
            raise RegistryUnwritableError(path=self.path, reason=str(error)) from error
        try:
            yield
        finally:
            lock.release()

    def _read(self, path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RegistryUnreadableError(path=path, reason=str(error)) from error

    def _write(self, path: Path, data: bytes) -> None:
        try:
            _replace_file(path, data)
        except OSError as error:
            raise RegistryUnwritableError(path=path, reason=str(error)) from error


@dataclass(frozen=True)
class MemoryRegistryFile(RegistryFile):
    """Starts from what the files hold and remembers every change; nothing on the disk is touched."""

    held: dict[Path, bytes] = field(default_factory=dict)

    def _back_up(self) -> str:
        return "was not touched"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else has this copy."""
        yield

    def _read(self, path: Path) -> bytes | None:
        return self.held[path] if path in self.held else super()._read(path)

    def _write(self, path: Path, data: bytes) -> None:
        self.held[path] = data


def encode_manifest(document: Mapping[str, Any]) -> bytes:
    """Return a document in the existing tool's bytes: indent of 2, ASCII only, no line end at the end."""
    return json.dumps(document, indent=2).encode("ascii")


def _maps_to(kind: type, value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(held, kind) for held in value.values())


def _replace_file(path: Path, data: bytes) -> None:
    """Put bytes in place of a file, whole or not at all, even if somebody else does so at the same time."""
    target = path.resolve()  # a link, as dotfile managers make them, stays a link
    handle, name = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
