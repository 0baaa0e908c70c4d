"""Models that members bring to a room: what the service takes, and what it does not take their word for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from support.desktop import COLLEAGUE, OWNER, ServiceLab
from support.product import eventually

from sleap_rtc.events.push_api import PublishPushed, PushedFile, PushedModel
from sleap_rtc.events.push_session import PushSession
from sleap_rtc.service.identity import Caller
from sleap_rtc.service.model_files import ModelFiles
from sleap_rtc.service.pushed_models import PushedModels, PushRefused
from sleap_rtc.storage import keys
from sleap_rtc.storage.checksum import crc64nvme, to_header, to_text
from sleap_rtc.storage.errors import InputError, IntegrityError, NotFound, Refused
from sleap_rtc.storage.file_upload import FileUpload, send_file
from sleap_rtc.storage.manifest import ModelFile, ModelRecord, model_id_of
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.model_folder import LARGEST_MODEL_BYTES, MOST_FILES, read_model_folder
from sleap_rtc.storage.object_store import ObjectInfo, Overwrite
from sleap_rtc.storage.rooms_storage import RoomsStorage
from sleap_rtc.storage.s3_transfers import S3Transfers
from sleap_rtc.storage.upload_session import PartToSign, SentPart

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product

MIB = 1024 * 1024
WEIGHTS = b"w" * 9 * MIB
CHECKPOINT = "best.ckpt"
NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Bringing:
    """Somebody with a model in a folder, at the door of a room."""

    lab: ServiceLab
    path: Path
    subject: str = OWNER
    model_type: str = "centroid"

    @property
    def files(self) -> tuple[ModelFile, ...]:
        return read_model_folder(self.path).files

    @property
    def folder(self) -> keys.ModelFolder:
        return keys.ModelFolder(self.lab.room_id, self.model_type, model_id_of(self.files))

    @property
    def session(self) -> PushSession:
        folder = self.folder
        http = self.lab.http(self.subject)
        return PushSession(http, folder.room_id, folder.model_type, folder.model_id, self.files)

    def send(self) -> list[str]:
        """Send what is missing; return the names of what that was."""
        sent = []
        for file in self.files:
            upload = self.session.open(file)
            if upload is not None:
                send_file(self.path / file.name, file, upload)
                sent.append(file.name)
        return sent

    def publish(self, **told: Any) -> PushedModel:
        return self.session.publish(PublishPushed(files=self.session.files, **told))

    def opened(self) -> FileUpload:
        upload = self.session.open(next(file for file in self.files if file.name == CHECKPOINT))
        assert upload is not None
        return upload

    def is_shown(self) -> None:
        """Wait until the event of the record has come through."""
        room, room_id = self.lab.client(OWNER), self.lab.room_id
        eventually(lambda: self.folder.model_id in room.manifest(room_id).models)

    def record(self) -> ModelRecord:
        return ModelRecord.model_validate_json(self.lab.rooms.get(self.folder.record).body)

    def there(self) -> list[str]:
        return [info.key.rpartition("/")[2] for info in self.lab.rooms.list(str(self.folder))]

    def ask(self, what: str, body: object, folder: str = "") -> tuple[int, Any]:
        """Ask by hand."""
        name = folder or f"{self.model_type}_{self.folder.model_id}"
        return self.lab.answer("POST", f"/pushed-models/{name}/{what}", body, self.subject)


@pytest.fixture
def lab(product: Product) -> ServiceLab:
    return ServiceLab(product)


@pytest.fixture
def bringing(lab: ServiceLab, tmp_path: Path) -> Bringing:
    """Bring a model that nobody else brings."""
    (tmp_path / CHECKPOINT).write_bytes(WEIGHTS + str(tmp_path).encode())
    (tmp_path / "empty.csv").write_bytes(b"")
    return Bringing(lab, tmp_path)


def put(upload: FileUpload, body: bytes) -> tuple[list[SentPart], int]:
    """Send bytes as one part."""
    crc = crc64nvme(body)
    url = upload.sign([PartToSign(1, len(body), crc)])[1]
    headers = {"x-amz-checksum-crc64nvme": to_header(crc)}
    etag = urllib3.request("PUT", url, body=body, headers=headers).headers["ETag"]
    return [SentPart(1, len(body), crc, etag)], crc


def described(*files: tuple[str, int, bytes]) -> list[dict[str, Any]]:
    return [
        {"name": name, "size_bytes": size, "checksum": to_text(crc64nvme(body))} for name, size, body in files
    ]


def folder_for(files: list[dict[str, Any]]) -> str:
    return f"centroid_{model_id_of(ModelFile(**file) for file in files)}"


def test_a_brought_model_is_in_the_manifest_and_in_its_folder(bringing: Bringing) -> None:
    assert bringing.send() == [CHECKPOINT]
    assert bringing.publish().already_published is False
    bringing.is_shown()
    assert sorted(bringing.there()) == [CHECKPOINT, "empty.csv", "model.json"]
    body = bringing.lab.rooms.get(bringing.folder.file(CHECKPOINT)).body
    assert body == (bringing.path / CHECKPOINT).read_bytes()


def test_who_brought_it_is_whoever_asked(bringing: Bringing) -> None:
    colleague = Bringing(bringing.lab, bringing.path, COLLEAGUE)
    colleague.send()
    colleague.publish(trainer="sleap-nn", hyperparameters={"batch_size": 4, "optimizer": "Adam"})
    record = bringing.record()
    assert (record.trained_by, record.trained_on_worker, record.trainer) == (COLLEAGUE, "", "sleap-nn")
    assert (record.job_id, record.attempt, record.fencing) == ("", 0, 0)
    assert record.hyperparameters == {"batch_size": 4, "optimizer": "Adam"}


@pytest.mark.parametrize("name", ["trained_by", "job_id", "fencing", "room_id", "trained_on_worker"])
def test_nobody_says_of_himself_what_the_service_knows(bringing: Bringing, name: str) -> None:
    files = [file.model_dump() for file in bringing.session.files]
    status, problem = bringing.ask("publish", {"files": files, name: "ada"})
    assert (status, problem["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(("ago_h", "kept"), [(48, True), (-48, False)], ids=["past", "future"])
def test_the_day_of_the_training_is_kept_unless_it_is_still_to_come(
    bringing: Bringing, ago_h: int, kept: bool
) -> None:
    told = NOW - timedelta(hours=ago_h)
    bringing.send()
    bringing.publish(trained_at=told)
    assert (bringing.record().trained_at == told) is kept
    assert bringing.record().trained_at <= datetime.now(UTC)


def test_what_is_there_is_not_sent_again(bringing: Bringing) -> None:
    bringing.send()
    assert bringing.send() == []
    first, again = bringing.publish(), bringing.publish()
    assert (first.already_published, again.already_published) == (False, True)
    assert bringing.send() == []


def test_the_record_of_whoever_came_first_stays(bringing: Bringing) -> None:
    bringing.send()
    bringing.publish(trainer="one")
    assert Bringing(bringing.lab, bringing.path, COLLEAGUE).publish(trainer="two").already_published
    assert (bringing.record().trainer, bringing.record().trained_by) == ("one", OWNER)


def test_a_file_that_is_there_with_other_bytes_is_sent(bringing: Bringing) -> None:
    bringing.send()
    altered = b"W" + (bringing.path / CHECKPOINT).read_bytes()[1:]
    (bringing.path / CHECKPOINT).write_bytes(altered)
    assert bringing.send() == [CHECKPOINT]


def test_an_id_that_is_not_that_of_the_files_opens_and_publishes_nothing(bringing: Bringing) -> None:
    files = [file.model_dump() for file in bringing.session.files]
    for what, body in (("open", {"files": files, "name": CHECKPOINT}), ("publish", {"files": files})):
        status, problem = bringing.ask(what, body, "centroid_0badcafe")
        assert (status, "its id is not that of its files" in problem["detail"]) == (400, True)


def test_a_file_that_is_none_of_the_models_opens_nothing(bringing: Bringing) -> None:
    files = [file.model_dump() for file in bringing.session.files]
    status, problem = bringing.ask("open", {"files": files, "name": "other.ckpt"})
    assert (status, "none of the files" in problem["detail"]) == (400, True)


def test_a_model_is_not_published_before_its_files(bringing: Bringing) -> None:
    with pytest.raises(InputError, match=r"best\.ckpt is not there"):
        bringing.publish()
    assert bringing.there() == []


def test_a_file_of_the_same_size_with_other_bytes_is_not_published(bringing: Bringing) -> None:
    body = (bringing.path / CHECKPOINT).read_bytes()
    key = bringing.folder.file(CHECKPOINT)
    bringing.send()
    checksum = to_text(crc64nvme(b"!" + body[1:]))
    bringing.lab.rooms.put(key, b"!" + body[1:], Overwrite(), metadata={"checksum": checksum})
    with pytest.raises(InputError, match=r"best\.ckpt has other bytes"):
        bringing.publish()


def test_bytes_that_are_not_those_that_were_announced_do_not_stay(bringing: Bringing) -> None:
    upload = bringing.opened()
    with pytest.raises(IntegrityError):
        upload.complete(*put(upload, b"something else"))
    assert CHECKPOINT not in bringing.there()


def test_a_published_model_is_not_written_over(bringing: Bringing) -> None:
    upload = bringing.opened()
    bringing.send()
    bringing.publish()
    with pytest.raises(InputError, match="published already"):
        upload.complete(*put(upload, b"something else"))
    assert bringing.session.open(bringing.files[0]) is None


def test_a_model_that_the_room_has_is_not_also_one_of_another_kind(bringing: Bringing) -> None:
    bringing.send()
    bringing.publish()
    bringing.is_shown()
    other = Bringing(bringing.lab, bringing.path, model_type="bottomup")
    for step in (other.send, other.publish):
        with pytest.raises(InputError, match="the room has it already, as a centroid model"):
            step()


def test_an_upload_that_was_given_up_is_gone(bringing: Bringing) -> None:
    upload = bringing.opened()
    parts, crc = put(upload, (bringing.path / CHECKPOINT).read_bytes())
    upload.abort()
    with pytest.raises(NotFound):
        upload.complete(parts, crc)


@pytest.mark.parametrize(
    "name", ["../../other/models/x", "a/b.ckpt", "", ".hidden", "a\\b", "a\nb", "model.json", "x" * 129, "ü"]
)
def test_no_name_becomes_another_key(bringing: Bringing, name: str) -> None:
    for size in (0, 7):
        files = described((name, size, b"x"))
        status, _ = bringing.ask("open", {"files": files, "name": name}, folder_for(files))
        assert status in {400, 422}
    status, _ = bringing.ask("abort", {"name": name, "s3_upload_id": "x"})
    assert status in {400, 422}
    assert bringing.there() == []


@pytest.mark.parametrize("folder", ["unet_0badcafe", "centroid_0BADCAFE", "centroid_0badcafe1", "centroid"])
def test_no_folder_but_that_of_a_kind_of_model_is_taken(bringing: Bringing, folder: str) -> None:
    files = described((CHECKPOINT, 1, b"x"))
    status, _ = bringing.ask("open", {"files": files, "name": CHECKPOINT}, folder)
    assert status in {400, 404, 422}


def test_a_model_has_only_so_many_files_and_bytes(bringing: Bringing) -> None:
    many = described(*((f"{number}.csv", 1, b"x") for number in range(MOST_FILES + 1)))
    large = described(("a.ckpt", LARGEST_MODEL_BYTES, b"x"), ("b.ckpt", 1, b"x"))
    twice = described(("a.ckpt", 1, b"x"), ("a.ckpt", 1, b"x"))
    none: list[dict[str, Any]] = []
    for files in (many, large, twice, none):
        status, _ = bringing.ask("open", {"files": files, "name": "a.ckpt"}, folder_for(files))
        assert status in {400, 422}


@pytest.mark.parametrize(
    "told",
    [
        {"metrics": {"curve": [1] * 100}},
        {"hyperparameters": {str(number): 1 for number in range(65)}},
        {"hyperparameters": {"notes": "x" * 1_000_000}},
        {"software": {"python": "x" * 201}},
        {"legacy_ids": ["../../x"]},
        {"config_checksum": "md5:1"},
        {"trained_at": "2026-01-01T00:00:00"},
    ],
    ids=lambda told: next(iter(told)),
)
def test_what_a_record_does_not_hold_is_refused(bringing: Bringing, told: dict[str, Any]) -> None:
    files = [file.model_dump() for file in bringing.session.files]
    assert bringing.ask("publish", {"files": files, **told})[0] == 422


def test_a_stranger_finds_no_room_and_a_reader_may_not_write(bringing: Bringing) -> None:
    bringing.lab.let_in("a reader", "reader")
    for subject, why in (("a stranger", NotFound), ("a reader", Refused)):
        theirs = Bringing(bringing.lab, bringing.path, subject)
        for step in (theirs.send, theirs.publish):
            with pytest.raises(why):
                step()
    assert bringing.there() == []


class Overtaken(MemoryObjectStore):
    """A bucket in which somebody publishes a model just before whoever looks whether its files are there."""

    def __init__(self, record: ModelRecord, key: str) -> None:
        super().__init__()
        self._theirs = (key, record.model_dump_json().encode())

    def head(self, key: str) -> ObjectInfo:
        self.put(*self._theirs, Overwrite())
        return super().head(key)


@pytest.mark.parametrize("same_files", [True, False])
def test_of_two_who_publish_at_once_the_first_record_stays(same_files: bool) -> None:
    file = ModelFile(name="best.ckpt", size_bytes=7, checksum=to_text(crc64nvme(b"weights")))
    folder = keys.ModelFolder("lab", "centroid", model_id_of([file]))
    theirs = ModelRecord(
        model_id=folder.model_id,
        model_type="centroid",
        room_id="lab",
        files=(file,) if same_files else (),
        trainer="theirs",
        trained_by="bob",
        trained_on_worker="",
        trained_at=NOW,
    )
    store = Overtaken(theirs, folder.record)
    store.put(folder.file("best.ckpt"), b"weights", Overwrite(), metadata={"checksum": file.checksum})
    files = ModelFiles(store, S3Transfers(None, "rooms"))  # type: ignore[arg-type] # nothing is sent
    pushed = PushedModels(store, files, RoomsStorage(store, "rooms"))
    name, asked = f"centroid_{folder.model_id}", PublishPushed(files=[PushedFile.of(file)])
    if same_files:
        assert pushed.publish("lab", name, asked, Caller("ada", "Ada")).already_published
    else:
        with pytest.raises(PushRefused, match="has other files"):
            pushed.publish("lab", name, asked, Caller("ada", "Ada"))
    assert ModelRecord.model_validate_json(store.get(folder.record).body) == theirs
