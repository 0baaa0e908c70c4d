"""Orchestration: brings a model of a room to this machine and into the local registry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sleap_rtc.client.file_notes import notes_of_files
from sleap_rtc.client.joint_progress import JointProgress
from sleap_rtc.client.model_check import Reading, check_files
from sleap_rtc.client.peer_or_store import BytesBySource, PeersOf, bring, no_peers
from sleap_rtc.client.room_merge import Downloaded
from sleap_rtc.live.file_requests import What
from sleap_rtc.storage import keys
from sleap_rtc.storage.download_engine import RemoteObject
from sleap_rtc.storage.errors import InputError, NotFound
from sleap_rtc.storage.progress import ProgressHook, no_progress
from sleap_rtc.storage.progress_guard import GuardedHook
from sleap_rtc.storage.traffic import SILENT, Traffic

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.client.file_notes import FileNote
    from sleap_rtc.client.model_registry import ClientModelRegistry
    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.events.api import FileDownload, ModelDownload
    from sleap_rtc.storage.manifest import ManifestModel


class FolderUnusable(InputError):
    """The model cannot be put at {path}: {why}. `models pull` puts it elsewhere with
    --output."""

    path: Path
    why: str


@dataclass(frozen=True, slots=True)
class PulledModel:
    """A model that was brought to this machine.

    Args:
        model: as the room has it.
        folder: with its files.
        brought: where their bytes came from.
        troubles: why peers were left that were asked, in words.
    """

    model: ManifestModel
    folder: Path
    brought: BytesBySource
    troubles: tuple[str, ...] = ()


def pull_model(
    service: ServiceClient,
    registry: ClientModelRegistry,
    room_id: str,
    name: str,
    folder: Path | None = None,
    on_progress: ProgressHook = no_progress,
    peers_of: PeersOf = no_peers,
    traffic: Traffic = SILENT,
) -> PulledModel:
    """Bring a model's files, verify each against the manifest's checksum, and register the model.

    A file that is in its place already, from a run that was ended or of a model that lost others, is read and
    not downloaded. Several processes may pull one model: each file appears whole, and the entry last.

    Args:
        service: signs the URLs.
        registry: where the model is entered.
        room_id: the room.
        name: the model's id or alias.
        folder: where the model's folder is made; the registry's own folder if None.
        on_progress: called as bytes are verified.
        peers_of: asks the desktops that have the model, before the store is asked.
        traffic: is told of requests and bytes.

    Raises:
        NotFound: the room has no such model.
        IntegrityError: a file is not what was published; the model is not registered.
        DiskFull: there is no room for it.
        FolderUnusable: the folder cannot be made or written to.
    """
    offer = service.request_download(room_id, name)
    model = offer.model
    if not offer.files:
        raise NotFound(what=f"file of model {name}")
    target = (folder or registry.models_dir).absolute() / _folder_name(room_id, offer)
    total = sum(file.size_bytes for file in offer.files)
    together = JointProgress(total, GuardedHook(on_progress))
    notes = notes_of_files(model.storage.files)
    here = {note.name: note for note in check_files(target, notes, Reading.ALL).notes}
    brought = BytesBySource()
    troubles: list[str] = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        with peers_of(offer.peers if len(here) < len(offer.files) else ()) as peers:
            for file in offer.files:
                if file.name in here:
                    together.skip(file.size_bytes)
                    continue
                source = _source(service, room_id, model.id, file)
                what = What(model_id=model.id, file=file.name)
                brought += bring(source, what, target / file.name, peers, together.step, traffic)
                together.end_of_file(file.size_bytes)
            troubles += peers.troubles if peers is not None else ()
        entered = tuple(here.get(note.name) or _noted(target / note.name, note) for note in notes)
    except OSError as error:
        raise FolderUnusable(path=target, why=error.strerror or str(error)) from error
    registry.enter_download(Downloaded(model, room_id, target, entered))
    return PulledModel(model, target, brought, tuple(troubles))


def model_folder_name(model: ManifestModel) -> str:
    """Return the name of a model's own folder: the existing tool's."""
    return f"{model.model_type}_{model.id}"


def _folder_name(room_id: str, offer: ModelDownload) -> str:
    """Return the name of the folder, once none of the names that the service gave can lead elsewhere."""
    model = offer.model
    place = keys.ModelFolder(room_id, model.model_type, model.id)
    if keys.parse_model_key(place.record) != place:
        raise InputError(
            message=f"{model_folder_name(model)!r} is not a name that a model's folder can have."
        )
    for file in offer.files:
        place.file(file.name)
    return model_folder_name(model)


def _noted(path: Path, note: FileNote) -> FileNote:
    """Return the note of a file that was verified on its way here, with the time that it has."""
    return replace(note, mtime_ns=path.stat().st_mtime_ns)


def _source(service: ServiceClient, room_id: str, name: str, file: FileDownload) -> RemoteObject:
    fresh = iter([file.url])

    def signed_url() -> str:
        first = next(fresh, None)
        if first is not None:
            return first
        again = service.request_download(room_id, name)
        for offered in again.files:
            if offered.name == file.name and offered.checksum == file.checksum:
                return offered.url
        raise NotFound(what=f"file {file.name} of model {name}")

    return RemoteObject(
        name=f"The model file {file.name}",
        size_bytes=file.size_bytes,
        etag=file.etag,
        checksum=file.checksum,
        signed_url=signed_url,
    )
