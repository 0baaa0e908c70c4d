"""Orchestration: from what a user calls a model to a folder that has it.

    a path      an existing folder with a checkpoint in it is taken as it is, before anything else: whoever
                names a folder means it. Only `find` looks there; a pull is about a room.
    an id       is made of the model's contents and cannot move. If the model is here, whole, it is taken and
                nobody is asked. If not, the room's view tells what it is, however old, and it is downloaded.
    an alias    can move, so what the room says counts, not what this machine has under that name. The room is
    name@latest asked if its last answer is older than `ALIAS_AGE`. If the service does not answer, the last
                answer holds, and the result says how old it is: online and offline one name means one thing.
    name@2      is given once and never again, so any answer of the room that has it is good enough.
    a legacy id is looked up as an id; if there is no such model here, it is the model of the room that lists
                the id among its `legacy_ids`, as long as it is only one. Files that lie here under the legacy
                id are taken if each has the checksum that the room tells.
    own alias   of this machine, which the room does not know, comes last.

By whatever name: a model that the room removed is taken if it is here, and the result says so.

A room that was not asked just now and does not know the name is asked before anybody is told so. What is here
counts only if its files are right (`model_check.py`); what is not is downloaded, file by file, and the
registry learns of it when all are verified.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sleap_rtc.client.file_notes import FileNote, notes_of_entry, notes_of_files, to_entry
from sleap_rtc.client.legacy_ids import is_model_id, legacy_client_id
from sleap_rtc.client.model_check import Reading, check_files, has_model
from sleap_rtc.client.peer_or_store import BytesBySource, PeersOf, no_peers
from sleap_rtc.client.pull import model_folder_name, pull_model
from sleap_rtc.client.registry_errors import RegistryError
from sleap_rtc.client.room_knowledge import ANY_AGE, ASK_NOW, RoomKnowledge, ensure_fresh
from sleap_rtc.client.room_merge import Downloaded, removed_from
from sleap_rtc.client.room_view import ago
from sleap_rtc.storage.errors import NotFound, Unreachable
from sleap_rtc.storage.manifest_changes import ModelRemoved, find_model, models_by_legacy_id
from sleap_rtc.storage.model_name import parse_version
from sleap_rtc.storage.progress import ProgressHook, no_progress
from sleap_rtc.storage.traffic import SILENT, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.client.model_registry import ClientModelRegistry
    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.storage.manifest import ManifestModel

ALIAS_AGE = timedelta(minutes=1)
"""How long an alias is believed: a script that goes through models asks once."""


class ModelOutOfReach(Unreachable):
    """Model {name} is not whole on this machine, and the service at {where} does not answer. {known}Run the
    command again when it does."""

    name: str
    known: str


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model that is on this machine now.

    Args:
        folder: with its files.
        model_id: None for a folder that nothing is known of.
        how: it came to be found.
        verified: each file is known to be the one that was published.
        mended: what was wrong with files that were downloaded again.
        age: of what was known of the room when the name was looked up; None if the room was not needed.
        note: what the user should know of that, or of peers that were asked in vain; may be empty.
        brought: where the bytes came from that were brought now.
    """

    folder: Path
    model_id: str | None
    how: Literal["path", "here", "downloaded"]
    verified: bool = True
    mended: tuple[str, ...] = ()
    age: timedelta | None = None
    note: str = ""
    brought: BytesBySource = BytesBySource()  # noqa: RUF009 - it is frozen


class ModelSource:
    """Finds models of one room.

    Args:
        service: knows the room.
        registry: knows this machine.
        room_id: the room.
        peers_of: asks the desktops that have a model.
        traffic: is told of requests and bytes.
        clock: tells the time, with its zone.
    """

    def __init__(
        self,
        service: ServiceClient,
        registry: ClientModelRegistry,
        room_id: str,
        *,
        peers_of: PeersOf = no_peers,
        traffic: Traffic = SILENT,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._service = service
        self._registry = registry
        self._room_id = room_id
        self._peers_of = peers_of
        self._traffic = traffic
        self._clock = clock

    def find(self, name: str, on_progress: ProgressHook = no_progress) -> FoundModel:
        """Return the model in a folder of this name, else do as `bring` does."""
        folder = Path(name)
        if name and has_model(folder):
            return FoundModel(folder.absolute(), self._id_at(folder), "path", verified=False)
        return self.bring(name, on_progress=on_progress)

    def bring(
        self,
        name: str,
        output: Path | None = None,
        *,
        reading: Reading = Reading.TOUCHED,
        on_progress: ProgressHook = no_progress,
    ) -> FoundModel:
        """Return a model of the room, downloaded if it is not here.

        Args:
            name: its id, alias, legacy id or `name@version`.
            output: where its folder has to be; wherever it is, else the registry's folder, if None.
            reading: which files that are here are read again.
            on_progress: called as bytes of a download are verified.

        Raises:
            NotFound: neither the room nor this machine has such a model.
            ModelRemoved: the room had it, and it is not here.
            LegacyIdAmbiguous: the room has several by this legacy id.
            ModelOutOfReach: it is not here, and the service does not answer.
            Unreachable: so it is, and nothing is known of the room.
            IntegrityError, DiskFull, TransferFailed: the download failed.
        """
        if is_model_id(name):
            here = self._here(name, output, reading)
            if isinstance(here, FoundModel):
                return here if here.verified else self._recognised(here) or here
        try:
            known, model = self._in_room(name)
        except (NotFound, Unreachable) as error:
            own = error.model_id if isinstance(error, ModelRemoved) else self._registry.resolve(name)
            here = self._here(own, output, reading) if own else ()
            if not isinstance(here, FoundModel):
                raise
            silent = isinstance(error, Unreachable)
            why = "the service does not answer" if silent else "the room has no such model"
            return replace(here, note=here.note or f"found by this machine's own alias; {why}")
        here = self._here(model.id, output, reading, model)
        if not isinstance(here, FoundModel) and output is None:
            here = self._under_legacy_id(model) or here
        if isinstance(here, FoundModel):
            return replace(here, age=known.age, note=known.note or here.note)
        if known.offline:
            told = f"It is {model.id}, as the room had it {ago(known.age)}. "
            raise ModelOutOfReach(name=name, where=self._service.url, known=told)
        place = output or self._own_place(model)
        pulled = pull_model(
            self._service,
            self._registry,
            self._room_id,
            model.id,
            place,
            on_progress,
            self._peers_of,
            self._traffic,
        )
        return FoundModel(
            pulled.folder,
            model.id,
            "downloaded",
            mended=here,
            age=known.age,
            note="; ".join(pulled.troubles),
            brought=pulled.brought,
        )

    def _in_room(self, name: str) -> tuple[RoomKnowledge, ManifestModel]:
        for max_age in (self._believed(name), ASK_NOW):
            known = ensure_fresh(self._registry, self._room_id, self._service, self._clock(), max_age)
            try:
                return known, find_model(known.view.manifest, name)
            except NotFound as error:
                if known.offline and not isinstance(error, ModelRemoved):
                    told = f"The room had no such model {ago(known.age)}. "
                    where = self._service.url
                    raise ModelOutOfReach(name=name, where=where, known=told) from error
                if known.asked or known.offline:
                    raise
        raise AssertionError("unreachable")

    @staticmethod
    def _believed(name: str) -> timedelta:
        version = parse_version(name)
        fixed = is_model_id(name) or (version is not None and version[1] is not None)
        return ANY_AGE if fixed else ALIAS_AGE

    def _here(
        self, model_id: str, output: Path | None, reading: Reading, model: ManifestModel | None = None
    ) -> FoundModel | tuple[str, ...]:
        """Return a model that is here and whole, or what is wrong with its files."""
        entry = self._registry.get(model_id)
        if entry is None or not entry.get("local_path"):
            return ()
        folder = Path(entry["local_path"])
        if output is not None and folder != output.absolute() / f"{entry.get('model_type')}_{model_id}":
            return ()
        notes = notes_of_entry(entry) or notes_of_files(self._files_in_room(model_id, model))
        if not notes:
            # The existing tool noted nothing, and no room tells.
            return FoundModel(folder, model_id, "here", verified=False) if has_model(folder) else ()
        checked = check_files(folder, notes, reading)
        if checked.wrong:
            return checked.wrong
        self._note(model_id, entry, checked.notes)
        return FoundModel(folder, model_id, "here", note=_removal(entry))

    def _own_place(self, model: ManifestModel) -> Path | None:
        """Return where an earlier pull put the model, if it is still a folder that only pulls write to."""
        entry = self._registry.get(model.id) or {}
        folder = Path(entry.get("local_path") or "")
        ours = folder.name == model_folder_name(model) and folder.is_dir() and not folder.is_symlink()
        return folder.parent if ours else None

    def _under_legacy_id(self, model: ManifestModel) -> FoundModel | None:
        entries = filter(None, map(self._registry.get, model.legacy_ids))
        folders = [Path(entry["local_path"]) for entry in entries if entry.get("local_path")]
        return next(filter(None, (self._adopted(model, folder) for folder in folders)), None)

    def _adopted(self, model: ManifestModel, folder: Path) -> FoundModel | None:
        """Enter files that the existing tool brought as the room's model, if that is what they are."""
        checked = check_files(folder, notes_of_files(model.storage.files), Reading.ALL)
        if not checked.notes or not checked.verified:
            return None
        self._registry.enter_download(Downloaded(model, self._room_id, folder, checked.notes))
        return FoundModel(folder, model.id, "here")

    def _recognised(self, legacy: FoundModel) -> FoundModel | None:
        """Return the room's model that these files are, as far as is known without a question."""
        view = self._registry.room_view(self._room_id)
        for model in models_by_legacy_id(view.manifest, legacy.model_id or "") if view else ():
            here = self._here(model.id, None, Reading.TOUCHED, model)
            if isinstance(here, FoundModel) and here.folder == legacy.folder:
                return here
            if found := self._adopted(model, legacy.folder):
                return found
        return None

    def _files_in_room(self, model_id: str, model: ManifestModel | None) -> Any:
        if model is None:
            view = self._registry.room_view(self._room_id)
            model = view.manifest.models.get(model_id) if view else None
        return model.storage.files if model else ()

    def _note(self, model_id: str, entry: dict[str, Any], notes: tuple[FileNote, ...]) -> None:
        """Remember what was read, for the next time; a home that cannot be written to is no trouble now."""
        if notes != notes_of_entry(entry):
            try:
                self._registry.update(model_id, {"files": to_entry(notes)})
            except RegistryError:
                return

    def _id_at(self, folder: Path) -> str | None:
        place = folder.resolve()
        for model_id, entry in self._registry.get_all_models().items():
            if entry.get("local_path") and Path(entry["local_path"]).resolve() == place:
                return model_id
        return legacy_client_id(folder)


def _removal(entry: dict[str, Any]) -> str:
    removed = removed_from(entry)
    where = ", ".join(f"room {room} removed it on {when[:10]}" for room, when in sorted(removed.items()))
    return f"{where}; the files here stay" if where else ""
