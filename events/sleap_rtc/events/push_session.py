"""Adapter: the files of a model that is brought to a room; the service signs, the bytes go straight to S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from sleap_rtc.events.api import PartToSignView, SentPartView, SignedParts
from sleap_rtc.events.model_files_api import ModelFileOpened
from sleap_rtc.events.push_api import (
    AbortPushedFile,
    CompletePushedFile,
    OpenPushedFile,
    PublishPushed,
    PushedFile,
    PushedModel,
    SignPushedParts,
)
from sleap_rtc.events.worker_api import Acknowledged
from sleap_rtc.storage.checksum import to_header

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

    from sleap_rtc.events.service_http import M, ServiceHttp
    from sleap_rtc.storage.manifest import ModelFile
    from sleap_rtc.storage.upload_session import PartToSign, SentPart


class PushSession:
    """One model on its way to a room.

    Args:
        service: asked with the caller's token.
        room_id: the room.
        model_type: which kind of model it is.
        model_id: that of its files.
        files: all of them.
    """

    def __init__(
        self, service: ServiceHttp, room_id: str, model_type: str, model_id: str, files: Sequence[ModelFile]
    ) -> None:
        self._service = service
        self._path = f"/api/rooms/{quote(room_id)}/pushed-models/{quote(model_type)}_{model_id}"
        self.files = [PushedFile.of(file) for file in files]

    def ask(self, what: str, kind: type[M], body: BaseModel) -> M:
        """Ask for one step."""
        return self._service.ask("POST", f"{self._path}/{what}", kind, body)

    def open(self, file: ModelFile) -> PushedUpload | None:
        """Open the upload of a file; None where the room has it now, be it that it is empty."""
        opened = self.ask("open", ModelFileOpened, OpenPushedFile(files=self.files, name=file.name))
        return PushedUpload(self, file.name, opened) if opened.s3_upload_id else None

    def publish(self, asked: PublishPushed) -> PushedModel:
        """Have the record written; safe to repeat."""
        return self.ask("publish", PushedModel, asked)


@dataclass(frozen=True)
class PushedUpload:
    """The open upload of one file."""

    session: PushSession
    name: str
    opened: ModelFileOpened

    def sign(self, parts: Sequence[PartToSign]) -> Mapping[int, str]:
        """Return a URL for each part."""
        asked = [PartToSignView.of_part(part) for part in parts]
        body = SignPushedParts(name=self.name, s3_upload_id=self.opened.s3_upload_id, parts=asked)
        return self.session.ask("sign-parts", SignedParts, body).urls

    def complete(self, parts: Sequence[SentPart], crc: int) -> None:
        """Make the object of the parts."""
        body = CompletePushedFile(
            name=self.name,
            s3_upload_id=self.opened.s3_upload_id,
            whole_checksum=self.opened.whole_checksum,
            checksum=to_header(crc),
            parts=[SentPartView.of_sent(part) for part in parts],
        )
        self.session.ask("complete", Acknowledged, body)

    def abort(self) -> None:
        """Give the upload up."""
        body = AbortPushedFile(name=self.name, s3_upload_id=self.opened.s3_upload_id)
        self.session.ask("abort", Acknowledged, body)
