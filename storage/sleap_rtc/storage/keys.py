"""Pure: what lies where. The one place that knows the names of buckets' keys.

    uploads bucket   uploads/{room_id}/{upload_id}/data
    rooms bucket     {room_id}/room.json
                     {room_id}/manifest.json
                     {room_id}/log/{revision:012d}.json             what happened to its models
                     {room_id}/pending/{ulid}.json                  what waits to happen to them
                     {room_id}/snapshots/{revision:012d}.json       the manifest as it was
                     {room_id}/damaged/{ulid}.json                  one that could not be read
                     {room_id}/room-log/{revision:012d}.json        what happened to its members
                     {room_id}/room-snapshots/{revision:012d}.json
                     {room_id}/models/{model_type}_{model_id}/...   model.json last
                     {room_id}/jobs/{job_id}/job.json
                     {room_id}/jobs/{job_id}/log/{segment:08d}.txt
                     {room_id}/jobs/{job_id}/live/{run:016d}-{seq:016d}.ndjson  while somebody watches
                     {room_id}/jobs/{job_id}/samples/{name}.png     what somebody asked to see
                     {room_id}/jobs/{job_id}/checkpoint/{fencing:016d}-{slot}/...  while the job goes on; then
                     {room_id}/jobs/{job_id}/checkpoint/checkpoint.json  which of them counts
                     {room_id}/jobs/{job_id}/results/{fencing:016d}/...  what an inference of this holder made
                     {room_id}/uploads/{upload_id}.json             the service's record of an upload
                     {room_id}/datasets/{size_bytes}-{crc:016x}.json  which upload brought these bytes
                     {room_id}/feed/{event_id}.json
                     {room_id}/workers/{worker_id}.json             who takes jobs here, while he says so
                     {room_id}/signaling.json                       short tokens of the room for live peers
                     .signaling/anonymous-key.json                  signs the tokens of anonymous live peers
                     .open/jobs/{room_id}/{job_id}                  what has not ended, so that one LIST shows
                     .open/uploads/{room_id}/{upload_id}            it, however long the history is
                     .quotas/rooms/{room_id}/{upload_id}/{size_bytes}   what is open and for how many bytes,
                     .quotas/users/{digest}/{upload_id}/{size_bytes}    of a room and of a person
                     .receipts/{digest}.json                        what was made for an idempotency key
                     .probe/{ulid}                                  written and removed at each start

An upload id is `{room_id}-{ulid}`: opaque to clients, yet any instance finds its record without an index.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from sleap_rtc.storage.errors import InputError

UPLOADS_PREFIX = "uploads/"
OPEN_PREFIX = ".open/"
RECEIPTS_PREFIX = ".receipts/"
QUOTAS_PREFIX = ".quotas/"
ANONYMOUS_KEY = ".signaling/anonymous-key.json"
MODEL_MARKER = "/model.json"
CHECK_ROOM = "check-"
"""What the id of a room that was opened to check the service begins with; such a room can be removed."""
_ROOM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_MODEL_FOLDER = re.compile(r"(?P<type>[a-z0-9_]{1,64})_(?P<id>[0-9a-f]{8,64})")
_WORKER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_PROGRESS = re.compile(r"(?P<run>\d{16})-(?P<seq>\d{16})\.ndjson")


@dataclass(frozen=True)
class UploadKey:
    """The dataset of one upload."""

    room_id: str
    upload_id: str

    def __str__(self) -> str:
        return f"{UPLOADS_PREFIX}{self.room_id}/{self.upload_id}/data"


@dataclass(frozen=True)
class ModelFolder:
    """The folder of one model: `{room_id}/models/{model_type}_{model_id}/`."""

    room_id: str
    model_type: str
    model_id: str

    def __str__(self) -> str:
        return f"{self.room_id}/models/{self.model_type}_{self.model_id}/"

    def file(self, name: str) -> str:
        """Return the key of one of the model's files.

        Raises:
            InputError: the name is not a plain file name.
        """
        if not is_file_name(name):
            raise InputError(message=f"{name!r} is not a name that a model's file can have.")
        return f"{self}{name}"

    @property
    def record(self) -> str:
        """The key of `model.json`, whose creation publishes the model."""
        return f"{self}model.json"


@dataclass(frozen=True)
class CheckpointFolder:
    """Where a holder of a job puts a checkpoint.

    He has two slots and writes into the one that his last checkpoint does not lie in, so that there is a
    whole one at any time, and none of another holder is touched.
    """

    room_id: str
    job_id: str
    fencing: int
    slot: Literal["a", "b"]

    def __str__(self) -> str:
        return f"{checkpoint_prefix(self.room_id, self.job_id)}{self.fencing:016d}-{self.slot}/"

    def file(self, name: str) -> str:
        """Return the key of one of its files.

        Raises:
            InputError: the name is not a plain file name.
        """
        if not is_file_name(name):
            raise InputError(message=f"{name[:128]!r} is not a name that a checkpoint's file can have.")
        return f"{self}{name}"


@dataclass(frozen=True)
class ResultsFolder:
    """Where a holder of a job puts what the job's inference made; no other holder writes there."""

    room_id: str
    job_id: str
    fencing: int

    def __str__(self) -> str:
        return f"{results_prefix(self.room_id, self.job_id)}{self.fencing:016d}/"

    def file(self, name: str) -> str:
        """Return the key of one of its files.

        Raises:
            InputError: the name is not a plain file name.
        """
        if not is_file_name(name):
            raise InputError(message=f"{name[:128]!r} is not a name that a result can have.")
        return f"{self}{name}"


def is_file_name(text: str) -> bool:
    """Tell whether `text` can be the name of a model's file: a plain one, that leads nowhere else."""
    return _FILE_NAME.fullmatch(text) is not None


def is_room_id(text: str) -> bool:
    """Tell whether `text` can be a room id."""
    return _ROOM_ID.fullmatch(text) is not None


def is_check_room(room_id: str) -> bool:
    """Tell whether a room was opened to check the service, so that nobody keeps anything in it."""
    return room_id.startswith(CHECK_ROOM)


def checked_room_id(text: str) -> str:
    """Return `text` if it can be a room id (1 to 32 of A-Z a-z 0-9 _ -, not starting with _ or -).

    Raises:
        InputError: it cannot.
    """
    if not is_room_id(text):
        raise InputError(
            message=f"{text!r} is not a room id. `sleap-rtc rooms ls` shows the rooms that you are in."
        )
    return text


def checked_worker_id(text: str) -> str:
    """Return `text` if it can be a worker id (1 to 96 of A-Z a-z 0-9 . _ -, starting with a letter or digit).

    Raises:
        InputError: it cannot.
    """
    if not _WORKER_ID.fullmatch(text):
        raise InputError(message=f"{text[:96]!r} is not a worker id.")
    return text


def is_ulid(text: str) -> bool:
    """Tell whether `text` is a ULID in its canonical spelling."""
    return _ULID.fullmatch(text) is not None


def parse_upload_id(upload_id: str) -> UploadKey:
    """Return which room an upload belongs to.

    Raises:
        InputError: the text is not an upload id.
    """
    room_id, _, ulid = upload_id.rpartition("-")
    if not (_ROOM_ID.fullmatch(room_id) and is_ulid(ulid)):
        raise InputError(message=f"{upload_id[:80]!r} is not an upload id.")
    return UploadKey(room_id, upload_id)


def parse_upload_key(key: str) -> UploadKey | None:
    """Return the upload that a key of the uploads bucket belongs to, or None if it is no such key."""
    match key.split("/"):
        case ["uploads", room_id, upload_id, "data"]:
            try:
                parsed = parse_upload_id(upload_id)
            except InputError:
                return None
            return parsed if parsed.room_id == room_id else None
        case _:
            return None


def parse_model_key(key: str) -> ModelFolder | None:
    """Return the model whose `model.json` this key names, or None if it names something else."""
    match key.split("/"):
        case [room_id, "models", folder, "model.json"]:
            found = _MODEL_FOLDER.fullmatch(folder)
            if found and _ROOM_ID.fullmatch(room_id):
                return ModelFolder(room_id, found["type"], found["id"])
    return None


def room_key(room_id: str) -> str:
    """Return the key of the room's record."""
    return f"{room_id}/room.json"


def room_prefix(room_id: str) -> str:
    """Return what the keys of all that is in a room start with."""
    return f"{room_id}/"


def manifest_key(room_id: str) -> str:
    """Return the key of the room's manifest."""
    return f"{room_id}/manifest.json"


def manifest_log_prefix(room_id: str) -> str:
    """Return what the keys of the manifest's immutable history start with; they sort by revision."""
    return f"{room_id}/log/"


def manifest_log_key(room_id: str, revision: int) -> str:
    """Return the key of one entry of the manifest's immutable history."""
    return f"{manifest_log_prefix(room_id)}{revision:012d}.json"


def snapshots_prefix(room_id: str) -> str:
    """Return what the keys of the manifest's snapshots start with; they sort by revision."""
    return f"{room_id}/snapshots/"


def pending_prefix(room_id: str) -> str:
    """Return what the keys of the changes that wait for a writer start with."""
    return f"{room_id}/pending/"


def damaged_key(room_id: str, ulid: str) -> str:
    """Return where a manifest that cannot be read is kept."""
    return f"{room_id}/damaged/{ulid}.json"


def room_log_prefix(room_id: str) -> str:
    """Return what the keys of the immutable history of the room's members start with."""
    return f"{room_id}/room-log/"


def room_pending_prefix(room_id: str) -> str:
    """Return what the keys of the changes of the room's record that wait for a writer start with."""
    return f"{room_id}/room-pending/"


def room_snapshots_prefix(room_id: str) -> str:
    """Return what the keys of the snapshots of the room's record start with."""
    return f"{room_id}/room-snapshots/"


def models_prefix(room_id: str) -> str:
    """Return what the keys of all of the room's models start with."""
    return f"{room_id}/models/"


def upload_record_key(upload: UploadKey) -> str:
    """Return the key of the service's record of an upload."""
    return f"{upload_records_prefix(upload.room_id)}{upload.upload_id}.json"


def dataset_uploads_prefix(room_id: str) -> str:
    """Return what the keys of all of the room's datasets in the uploads bucket start with."""
    return f"{UPLOADS_PREFIX}{room_id}/"


def upload_records_prefix(room_id: str) -> str:
    """Return what the keys of all of the room's upload records start with."""
    return f"{room_id}/uploads/"


def datasets_prefix(room_id: str, size_bytes: int | None = None) -> str:
    """Return what the keys of the room's datasets by content start with: all of them, or those of a size."""
    every = f"{room_id}/datasets/"
    return every if size_bytes is None else f"{every}{size_bytes}-"


def dataset_key(room_id: str, size_bytes: int, crc: int) -> str:
    """Return the key that says which upload brought the bytes of this size and CRC64NVME to the room."""
    return f"{datasets_prefix(room_id, size_bytes)}{crc:016x}.json"


def jobs_prefix(room_id: str) -> str:
    """Return what the keys of all of the room's jobs start with."""
    return f"{room_id}/jobs/"


def job_key(room_id: str, job_id: str) -> str:
    """Return the key of a job's record."""
    return f"{jobs_prefix(room_id)}{job_id}/job.json"


def log_prefix(room_id: str, job_id: str) -> str:
    """Return what the keys of a job's log segments start with."""
    return f"{jobs_prefix(room_id)}{job_id}/log/"


def log_key(room_id: str, job_id: str, segment: int) -> str:
    """Return the key of one segment of a job's log; segments sort in the order they were written."""
    return f"{log_prefix(room_id, job_id)}{segment:08d}.txt"


def progress_prefix(room_id: str, job_id: str) -> str:
    """Return what the keys of a job's live events start with."""
    return f"{jobs_prefix(room_id)}{job_id}/live/"


def progress_key(room_id: str, job_id: str, run: int, seq: int) -> str:
    """Return the key of the events of a run up to number `seq`.

    What comes after an event sorts after the key with that event's numbers, so whoever was cut off lists
    what he has not seen and nothing else, however long the run is.
    """
    return f"{progress_prefix(room_id, job_id)}{run:016d}-{seq:016d}.ndjson"


def parse_progress_key(key: str) -> tuple[int, int] | None:
    """Return the run and the last event of a piece of live events, or None if the key is none."""
    found = _PROGRESS.fullmatch(key.rpartition("/")[2])
    return (int(found["run"]), int(found["seq"])) if found else None


def samples_prefix(room_id: str, job_id: str) -> str:
    """Return what the keys of a job's samples start with."""
    return f"{jobs_prefix(room_id)}{job_id}/samples/"


def sample_key(room_id: str, job_id: str, name: str) -> str:
    """Return the key of a picture that a job's trainer drew.

    Raises:
        InputError: the name is not a plain one of a PNG.
    """
    if not (is_file_name(name) and name.endswith(".png")):
        raise InputError(message=f"{name[:128]!r} is not a name that a sample can have.")
    return f"{samples_prefix(room_id, job_id)}{name}"


def checkpoint_prefix(room_id: str, job_id: str) -> str:
    """Return what the keys of a job's checkpoints start with."""
    return f"{jobs_prefix(room_id)}{job_id}/checkpoint/"


def checkpoint_key(room_id: str, job_id: str) -> str:
    """Return the key of the record of the checkpoint that counts."""
    return f"{checkpoint_prefix(room_id, job_id)}checkpoint.json"


def results_prefix(room_id: str, job_id: str) -> str:
    """Return what the keys of what a job's inference made start with, all holders' together."""
    return f"{jobs_prefix(room_id)}{job_id}/results/"


def feed_prefix(room_id: str) -> str:
    """Return what the keys of the room's notifications start with."""
    return f"{room_id}/feed/"


def feed_key(room_id: str, event_id: str) -> str:
    """Return the key of one room notification; ULIDs sort by time."""
    return f"{feed_prefix(room_id)}{event_id}.json"


def workers_prefix(room_id: str) -> str:
    """Return what the keys of the room's workers start with."""
    return f"{room_id}/workers/"


def worker_key(room_id: str, worker_id: str) -> str:
    """Return the key under which a worker says that it is there."""
    return f"{workers_prefix(room_id)}{worker_id}.json"


def signaling_key(room_id: str) -> str:
    """Return the key of the room's tokens for live peers."""
    return f"{room_id}/signaling.json"


def open_jobs_prefix(room_id: str) -> str:
    """Return what the markers of the room's jobs that have not ended start with."""
    return f"{OPEN_PREFIX}jobs/{room_id}/"


def open_job_key(room_id: str, job_id: str) -> str:
    """Return the key of the marker of a job that has not ended."""
    return f"{open_jobs_prefix(room_id)}{job_id}"


def open_upload_key(upload: UploadKey) -> str:
    """Return the key of the marker of an upload that is being completed."""
    return f"{OPEN_PREFIX}uploads/{upload.room_id}/{upload.upload_id}"


@dataclass(frozen=True)
class OpenMarker:
    """Something that has not ended: a job, or the completion of an upload."""

    kind: str
    room_id: str
    id: str


def open_uploads_prefix(room_id: str) -> str:
    """Return what the markers of the room's uploads that are being completed start with."""
    return f"{OPEN_PREFIX}uploads/{room_id}/"


def parse_open_key(key: str) -> OpenMarker | None:
    """Return what a marker stands for, or None if the key is no marker of ours."""
    match key.split("/"):
        case [".open", ("jobs" | "uploads") as kind, room_id, id_] if _ROOM_ID.fullmatch(room_id):
            return OpenMarker(kind, room_id, id_)
    return None


def receipt_key(digest: str) -> str:
    """Return the key of a receipt, by the digest of whose it is, what for, and its idempotency key."""
    return f"{RECEIPTS_PREFIX}{digest}.json"


def room_quota_prefix(room_id: str) -> str:
    """Return what the keys of the marks of a room's open uploads start with."""
    return f"{QUOTAS_PREFIX}rooms/{room_id}/"


def user_quota_prefix(digest: str) -> str:
    """Return what the keys of the marks of a person's open uploads start with, by the digest of who it is."""
    return f"{QUOTAS_PREFIX}users/{digest}/"


def parse_quota_key(key: str) -> tuple[UploadKey, int] | None:
    """Return the open upload that a mark stands for and its bytes, or None if the key is no mark of ours."""
    match key.split("/"):
        case [".quotas", "rooms" | "users", _, upload_id, size] if size.isdecimal():
            try:
                return parse_upload_id(upload_id), int(size)
            except InputError:
                return None
        case _:
            return None
