"""Orchestration: a model's files, brought from the store by whoever has credentials for it, and verified.

Clients have none: they are offered URLs by the service, and may take the files from peers.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sleap_rtc.storage.checksum import crc_of_stream, to_text
from sleap_rtc.storage.download_engine import RemoteObject, download
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.traffic import SILENT, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.storage.keys import ModelFolder
    from sleap_rtc.storage.manifest import ModelFile
    from sleap_rtc.storage.object_store import ObjectStore


class ModelFileGone(NotFound):
    """The room's store has lost {name} of model {model_id}, so the model cannot be downloaded. Whoever has it
    brings it back with `sleap-rtc models push FOLDER -r {room_id}`, which sends what is missing;
    `sleap-rtc models rm {model_id} -r {room_id}` hides it until then."""

    name: str
    model_id: str
    room_id: str


def etag_of(store: ObjectStore, folder: ModelFolder, file: ModelFile) -> str:
    """Return the ETag of a model's file. Raises ModelFileGone."""
    try:
        return store.head(folder.file(file.name)).etag
    except NotFound:
        raise ModelFileGone(name=file.name, model_id=folder.model_id, room_id=folder.room_id) from None


def download_files(
    store: ObjectStore,
    sign_get: Callable[[str], str],
    folder: ModelFolder,
    files: tuple[ModelFile, ...],
    target: Path,
    traffic: Traffic = SILENT,
) -> None:
    """Bring files of a model into a folder. One that is there whole is read and not downloaded.

    Args:
        store: the rooms bucket.
        sign_get: returns a URL to read a key of it with.
        folder: the model's, in the bucket.
        files: as the manifest has them.
        target: where to.
        traffic: is told of requests and bytes.

    Raises:
        ModelFileGone: one is not in the store; nothing is downloaded.
        IntegrityError: one does not have the checksum that was published; it is not kept.
        DiskFull, ObjectChanged, TransferFailed: as `download` does.
    """
    missing = [file for file in files if not _is_whole(target / file.name, file)]
    etags = [etag_of(store, folder, file) for file in missing]
    for file, etag in zip(missing, etags, strict=True):
        source = RemoteObject(
            name=f"The model file {file.name}",
            size_bytes=file.size_bytes,
            etag=etag,
            checksum=file.checksum,
            signed_url=partial(sign_get, folder.file(file.name)),
        )
        download(source, target / file.name, traffic=traffic.of("model"))


def _is_whole(path: Path, file: ModelFile) -> bool:
    if not path.is_file() or path.stat().st_size != file.size_bytes:
        return False
    with path.open("rb") as stream:
        crc, _ = crc_of_stream(stream)
    return to_text(crc) == file.checksum
