"""Adapter: does in a room of its own what people and workers do, once each: sends, publishes, listens."""

from __future__ import annotations

import secrets
import tempfile
import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3

from sleap_rtc.client.environment_check import CheckFailed
from sleap_rtc.client.room_listener import RoomListener
from sleap_rtc.events.service_http import ServiceProblem
from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.environment_proxy import connections_to
from sleap_rtc.storage.errors import IntegrityError, Unreachable
from sleap_rtc.storage.file_upload import send_file
from sleap_rtc.storage.http_transfer import socket_trouble
from sleap_rtc.storage.keys import is_check_room
from sleap_rtc.storage.model_folder import read_model_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.client.uploader import S3Uploader
    from sleap_rtc.events.messages import RoomEvent

ROOM_NAME = "sleap-rtc doctor"
_BYTES = 100_000
_MODEL_TYPE = "centroid"
_TIMEOUT = urllib3.Timeout(connect=10, read=30)
_LOOK_EVERY_S = 0.5
_WOKEN_WITHIN_S = 8.5
"""The service looks at the feed every 10 s even if nobody wakes it."""
_LEFT_BEHIND = timedelta(hours=1)
_SWEEP = "reconcile"


class CheckRoom:
    """A room that is opened for the checks and removed after them.

    Args:
        service: asked with the caller's token.
        uploader: sends the dataset.
        within_s: how long to wait for what an event brings.
    """

    def __init__(self, service: ServiceClient, uploader: S3Uploader, within_s: float) -> None:
        self._service = service
        self._uploader = uploader
        self._within_s = within_s
        self.room_id = service.create_room(ROOM_NAME, for_check=True).room_id
        self._listener = RoomListener(service, self.room_id, "")
        self._upload_id = ""
        self._dataset_url = ""

    def upload(self) -> str:
        """Send a dataset, and read it again. Raises what a transfer does, and IntegrityError."""
        content = secrets.token_bytes(_BYTES)
        with tempfile.TemporaryDirectory(prefix="sleap-rtc-doctor-") as folder:
            path = Path(folder, "doctor.bin")
            path.write_bytes(content)
            self._upload_id = self._uploader.upload(path, self.room_id).upload_id
        offered = self._service.request_dataset(self.room_id, self._upload_id)
        self._dataset_url = offered.url
        came = self._asked("GET", offered.url).data
        if came != content:
            expected, found = to_text(crc64nvme(content)), to_text(crc64nvme(came))
            raise IntegrityError(what="the dataset of this check", expected=expected, found=found)
        return f"{_BYTES:,} bytes went up by signed URLs and came back the same"

    def stranger(self) -> str:
        """Try to read and write what was sent without a signature. Raises CheckFailed where that works."""
        bare = urlsplit(self._dataset_url)._replace(query="").geturl()
        for method, words in (("GET", "read"), ("PUT", "written")):
            reply = self._asked(method, bare, b"not allowed" if method == "PUT" else None)
            if reply.status not in {HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED}:
                raise CheckFailed(
                    why=f"The uploads bucket can be {words} without a signature (HTTP {reply.status} "
                    "instead of 403), by anybody who guesses a key.",
                    advice="apply Terraform again: the bucket's policy and public access block are not there",
                )
        return "reading and writing without a signature are refused (403)"

    def upload_notice(self) -> str:
        """Wait for S3's own notice of the upload. Raises CheckFailed."""
        begun = time.monotonic()
        while time.monotonic() - begun < self._within_s:
            if self._service.upload_status(self._upload_id).noticed_at is not None:
                return f"S3's notice of the upload was read {time.monotonic() - begun:.1f} s later"
            time.sleep(_LOOK_EVERY_S)
        raise CheckFailed(
            why=f"The upload is complete, but within {self._within_s:.0f} s the service read no notice of S3 "
            "about it.",
            advice="look at the uploads bucket's notification and at the policy of the upload-events queue",
        )

    def notifications(self) -> str:
        """See that what happens in the room comes at once. Raises CheckFailed."""
        self._renamed("woken once")
        begun = time.monotonic()
        # Whoever just looked looks again after 10 s; what comes sooner came by the topic.
        self._renamed("woken twice")
        took_s = time.monotonic() - begun
        if took_s > _WOKEN_WITHIN_S:
            raise CheckFailed(
                why=f"A notification came {took_s:.0f} s late: nobody woke the stream, it looked by itself.",
                advice="look at the topic of room events, and whether the service may publish and subscribe",
            )
        return f"the stream told of a change after {took_s:.1f} s"

    def publish(self) -> str:
        """Bring a model to the room as a person would, and be told of it. Raises CheckFailed."""
        with tempfile.TemporaryDirectory(prefix="sleap-rtc-doctor-") as folder:
            Path(folder, "best.ckpt").write_bytes(secrets.token_bytes(1000))
            model = read_model_folder(Path(folder))
            session = self._service.push_session(self.room_id, _MODEL_TYPE, model.model_id, model.files)
            for file in model.files:
                opened = session.open(file)
                if opened is not None:
                    send_file(model.path / file.name, file, opened)
            from sleap_rtc.events.push_api import PublishPushed

            session.publish(PublishPushed(files=session.files))
        begun = time.monotonic()
        event = self._heard(lambda each: each.kind == "model" and each.model_id == model.model_id)
        if event is None or event.event == _SWEEP:
            raise CheckFailed(
                why=f"A model was sent, but within {self._within_s:.0f} s no notice of S3 published it.",
                advice="look at the rooms bucket's notification and at the policy of the model-events queue",
            )
        return f"a model was published and told of {time.monotonic() - begun:.1f} s later"

    def remove(self) -> str:
        """Remove the room and all that is in it, and what a check before this one left behind."""
        self._listener.close()
        self._service.remove_check_room(self.room_id)
        mine = [room for room in self._service.rooms() if is_check_room(room.room_id)]
        if any(room.room_id == self.room_id for room in mine):
            raise CheckFailed(
                why=f"Room {self.room_id} is still listed after it was removed.",
                advice=f"look into the service's log for DELETE /api/rooms/{self.room_id}",
            )
        old = [room for room in mine if datetime.now(UTC) - room.created_at > _LEFT_BEHIND]
        for room in old:
            self._service.remove_check_room(room.room_id)
        more = f", and {len(old)} that earlier checks left" if old else ""
        return f"room {self.room_id} with its dataset, its model and its queue{more}"

    def _renamed(self, what: str) -> None:
        """Change the room, and wait until the stream tells so. Raises CheckFailed."""
        self._service.rename_room(self.room_id, f"{ROOM_NAME}: {what}")
        if self._heard(lambda each: each.kind == "room" and what in each.text) is None:
            raise CheckFailed(
                why=f"The room was changed, but within {self._within_s:.0f} s its stream did not say so.",
                advice="look whether the balancer lets streams through and waits at least 60 s for them",
            )

    def _heard(self, wanted: Callable[[RoomEvent], bool]) -> RoomEvent | None:
        deadline = time.monotonic() + self._within_s
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                event = self._listener.next(left_s)
            except (Unreachable, ServiceProblem):
                continue
            if event is not None and wanted(event):
                return event
        return None

    def _asked(self, method: str, url: str, body: bytes | None = None) -> urllib3.BaseHTTPResponse:
        try:
            return connections_to(url, _TIMEOUT).request(method, url, body=body)
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(where="The object store", why=socket_trouble(url, error)) from error
