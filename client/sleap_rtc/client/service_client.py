"""Adapter: the service's HTTP API, as the client sees it.

Every request that did not get an answer is tried again a few times; an answer that is a problem becomes the
error it names.
"""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit

import urllib3
from pydantic import BaseModel, TypeAdapter, ValidationError

from sleap_rtc.events.api import (
    CompleteUpload,
    CreateRoom,
    JobLog,
    ModelDownload,
    RequestDownload,
    RequestUpload,
    RoomView,
    SignedParts,
    SignParts,
    SubmitJob,
    UploadOpened,
    UploadStatus,
)
from sleap_rtc.events.jobs import Job
from sleap_rtc.events.messages import RoomEvent
from sleap_rtc.storage.errors import InputError, NotFound, Refused, SleapRtcError, Unreachable
from sleap_rtc.storage.http_transfer import socket_trouble
from sleap_rtc.storage.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

M = TypeVar("M", bound=BaseModel)

_TRIES = 4
_PAUSE_S = 0.5
_SILENCE_S = 30.0
_TIMEOUT = urllib3.Timeout(connect=5, read=60)


class ServiceProblem(SleapRtcError):
    """The service could not do it: {detail}"""

    detail: str


class ServiceClient:
    """Calls the service at one address with one token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        if urlsplit(self.url).scheme not in {"http", "https"}:
            raise InputError(message=f"{url!r} is not the address of a service (backend_api_url).")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._pool = urllib3.PoolManager(retries=False, timeout=_TIMEOUT)

    def create_room(self, name: str) -> RoomView:
        """Open a room."""
        return self._ask("POST", "/api/rooms", RoomView, CreateRoom(name=name))

    def rooms(self) -> list[RoomView]:
        """Return the rooms that the caller is in."""
        return self._ask_list("/api/rooms", RoomView)

    def request_upload(self, request: RequestUpload) -> UploadOpened:
        """Open an upload."""
        return self._ask("POST", "/api/request-upload", UploadOpened, request)

    def sign_parts(self, upload_id: str, request: SignParts) -> SignedParts:
        """Have URLs signed."""
        return self._ask("POST", f"/api/uploads/{quote(upload_id)}/sign-parts", SignedParts, request)

    def complete_upload(self, request: CompleteUpload) -> UploadStatus:
        """Complete an upload; safe to repeat."""
        return self._ask("POST", "/api/complete-upload", UploadStatus, request)

    def upload_status(self, upload_id: str) -> UploadStatus:
        """Return how far an upload is. Raises NotFound."""
        return self._ask("GET", f"/api/upload-status/{quote(upload_id)}", UploadStatus)

    def abort_upload(self, upload_id: str) -> UploadStatus:
        """Give an upload up."""
        return self._ask("DELETE", f"/api/uploads/{quote(upload_id)}", UploadStatus)

    def uploads(self, room_id: str) -> list[UploadStatus]:
        """Return the room's uploads."""
        return self._ask_list(f"/api/rooms/{quote(room_id)}/uploads", UploadStatus)

    def submit_job(self, room_id: str, request: SubmitJob) -> Job:
        """Submit a job for a dataset that is in the room."""
        return self._ask("POST", f"/api/rooms/{quote(room_id)}/jobs", Job, request)

    def jobs(self, room_id: str) -> list[Job]:
        """Return the room's jobs, oldest first."""
        return self._ask_list(f"/api/rooms/{quote(room_id)}/jobs", Job)

    def job(self, room_id: str, job_id: str) -> Job:
        """Return a job. Raises NotFound."""
        return self._ask("GET", f"/api/rooms/{quote(room_id)}/jobs/{quote(job_id)}", Job)

    def job_log(self, room_id: str, job_id: str, after: int) -> JobLog:
        """Return the log segments after one."""
        path = f"/api/rooms/{quote(room_id)}/jobs/{quote(job_id)}/log?after={after}"
        return self._ask("GET", path, JobLog)

    def manifest(self, room_id: str) -> Manifest:
        """Return the room's manifest."""
        return self._ask("GET", f"/api/rooms/{quote(room_id)}/manifest", Manifest)

    def request_download(self, room_id: str, model: str) -> ModelDownload:
        """Have URLs signed for a model's files. Raises NotFound."""
        body = RequestDownload(room_id=room_id, model=model)
        return self._ask("POST", "/api/request-download", ModelDownload, body)

    def events(self, room_id: str, last_id: str) -> Iterator[RoomEvent]:
        """Yield the room's notifications after `last_id` until the stream is cut.

        Raises:
            Unreachable: there is no stream, or it fell silent.
            NotFound: there is no such room.
        """
        url = f"{self.url}/api/rooms/{quote(room_id)}/events"
        headers = {**self._headers, "Accept": "text/event-stream", "Last-Event-ID": last_id}
        timeout = urllib3.Timeout(connect=5, read=_SILENCE_S)
        try:
            reply = self._pool.request("GET", url, headers=headers, preload_content=False, timeout=timeout)
            try:
                if reply.status != HTTPStatus.OK:
                    raise _problem(reply.status, reply.read())
                for line in reply:
                    text = line.decode("utf-8", "replace").rstrip("\r\n")
                    if text.startswith("data:"):
                        yield RoomEvent.model_validate_json(text.removeprefix("data:").strip())
            finally:
                reply.close()
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(where=f"The service at {self.url}", why=socket_trouble(url, error)) from error

    def _ask(self, method: str, path: str, kind: type[M], body: BaseModel | None = None) -> M:
        try:
            return kind.model_validate_json(self._send(method, path, body))
        except ValidationError as error:
            raise self._not_ours() from error

    def _ask_list(self, path: str, kind: type[M]) -> list[M]:
        try:
            return TypeAdapter(list[kind]).validate_json(self._send("GET", path, None))  # type: ignore[valid-type] # a type built at run time
        except ValidationError as error:
            raise self._not_ours() from error

    def _not_ours(self) -> Unreachable:
        return Unreachable(where=f"The service at {self.url}", why="it answers, but not as sleap-rtc does")

    def _send(self, method: str, path: str, body: BaseModel | None) -> bytes:
        content = body.model_dump_json().encode() if body else None
        headers = {**self._headers, "Content-Type": "application/json"}
        for attempt in range(1, _TRIES + 1):
            try:
                reply = self._pool.request(method, self.url + path, body=content, headers=headers)
            except urllib3.exceptions.HTTPError as error:
                if attempt == _TRIES:
                    why = socket_trouble(self.url, error)
                    raise Unreachable(where=f"The service at {self.url}", why=why) from error
            else:
                if reply.status < HTTPStatus.BAD_REQUEST:
                    return reply.data
                if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR or attempt == _TRIES:
                    raise _problem(reply.status, reply.data)
            time.sleep(_PAUSE_S * attempt)
        raise AssertionError("unreachable")


def _problem(status: int, body: bytes) -> SleapRtcError:
    try:
        problem: dict[str, Any] = json.loads(body)
        detail = str(problem["detail"])
        code = str(problem.get("code", ""))
    except (ValueError, KeyError, TypeError):
        detail, code = f"HTTP {status}", ""
    if status == HTTPStatus.NOT_FOUND and code == "not_found":
        return _Told(NotFound, detail)
    if status in {HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED}:
        return _Told(Refused, detail)
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
        return InputError(message=detail)
    return ServiceProblem(detail=detail)


def _Told(kind: type[SleapRtcError], detail: str) -> SleapRtcError:  # noqa: N802 - stands where a class would
    """Return an error of this kind with the words of the service."""
    error = kind.__new__(kind)
    Exception.__init__(error, detail)
    return error
