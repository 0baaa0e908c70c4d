"""Adapter: an upload session whose URLs the service signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.api import CompleteUpload, PartToSignView, SentPartView, SignParts
from sleap_rtc.storage.checksum import to_header

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.storage.upload_session import PartToSign, SentPart


class ServiceSession:
    """One open upload of the service."""

    def __init__(self, service: ServiceClient, upload_id: str) -> None:
        self._service = service
        self._upload_id = upload_id

    def sign(self, parts: Sequence[PartToSign]) -> Mapping[int, str]:
        """Return a URL for each part."""
        asked = [PartToSignView.of_part(part) for part in parts]
        return self._service.sign_parts(self._upload_id, SignParts(parts=asked)).urls

    def complete(self, parts: Sequence[SentPart], crc: int) -> None:
        """Make the object of the parts."""
        listed = [SentPartView.of_sent(part) for part in parts]
        self._service.complete_upload(
            CompleteUpload(upload_id=self._upload_id, checksum=to_header(crc), parts=listed)
        )
