"""Adapter: the service's HTTP API, as the client sees it."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from pydantic import ValidationError

from sleap_rtc.client.cost_client import CostClient
from sleap_rtc.client.trace_client import TraceClient
from sleap_rtc.events.api import (
    CompleteUpload,
    DatasetView,
    FileDownload,
    JobLog,
    JobResults,
    JobView,
    ModelDownload,
    RequestDownload,
    RequestUpload,
    RetryJob,
    SignedParts,
    SignParts,
    SubmitJob,
    UploadOpened,
    UploadStatus,
)
from sleap_rtc.events.jobs import Job
from sleap_rtc.events.messages import RoomEvent
from sleap_rtc.events.registry_api import (
    AddVersion,
    AliasesView,
    ChangeModel,
    CollectGarbage,
    DiffView,
    GarbageView,
    ModelDetails,
    ModelPage,
    RepairView,
    RevisionView,
    SetAlias,
)
from sleap_rtc.events.room_api import (
    ChangeRole,
    CreateRoom,
    InvitationMade,
    Invite,
    JoinRoom,
    MemberView,
    RenameRoom,
    RoomDetails,
    RoomView,
    TrailLine,
)
from sleap_rtc.events.service_http import TRIES, ServiceHttp
from sleap_rtc.events.sign_in_api import CallerView
from sleap_rtc.events.worker_api import Acknowledged
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.manifest import Manifest
from sleap_rtc.storage.model_name import checked_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sleap_rtc.events.push_session import PushSession
    from sleap_rtc.events.shared_dataset import SubmitSharedJob
    from sleap_rtc.storage.manifest import ModelFile
    from sleap_rtc.storage.room import Role

_TRIES_IN_HASTE = 2

# What no model can go by would be another path.
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,79}")


class ServiceClient(CostClient, TraceClient):
    """Calls the service at one address with one token, or with whatever token holds at the moment."""

    def __init__(self, url: str, token: str | Callable[[], str]) -> None:
        super().__init__(ServiceHttp(url, token))
        self.url = self._http.url

    def who_am_i(self) -> CallerView:
        """Return whom the token was made for. Raises Refused where it is none."""
        return self._http.ask("GET", "/api/who-am-i", CallerView)

    def create_room(self, name: str, *, for_check: bool = False) -> RoomView:
        """Open a room; one, even where a reply is lost."""
        body = CreateRoom(name=name, submission_id=secrets.token_hex(16), for_check=for_check)
        return self._http.ask("POST", "/api/rooms", RoomView, body)

    def remove_check_room(self, room_id: str) -> None:
        """Remove a room that was opened for a check. Raises NotFound, Refused, InputError."""
        self._http.ask("DELETE", _room(room_id), Acknowledged)

    def rooms(self) -> list[RoomView]:
        """Return the rooms that the caller is in."""
        return self._http.ask_list("/api/rooms", RoomView)

    def room(self, room_id: str) -> RoomDetails:
        """Return a room, its members, its workers, and to an owner its invitations. Raises NotFound."""
        return self._http.ask("GET", _room(room_id), RoomDetails)

    def rename_room(self, room_id: str, name: str) -> RoomView:
        """Give a room another name. Raises Refused where the caller is no owner."""
        return self._http.ask("PUT", f"{_room(room_id)}/name", RoomView, RenameRoom(name=name))

    def members(self, room_id: str) -> list[MemberView]:
        """Return a room's members. Raises NotFound."""
        return self._http.ask_list(f"{_room(room_id)}/members", MemberView)

    def set_role(self, room_id: str, subject: str, role: Role) -> MemberView:
        """Give a member another role; safe to repeat. Raises InputError of the last owner, Refused."""
        path = f"{_room(room_id)}/members/{quote(subject, safe='')}"
        return self._http.ask("PUT", path, MemberView, ChangeRole(role=role))

    def remove_member(self, room_id: str, subject: str) -> None:
        """Remove a member; safe to repeat. Raises InputError of the last owner, Refused."""
        self._http.ask("DELETE", f"{_room(room_id)}/members/{quote(subject, safe='')}", Acknowledged)

    def leave(self, room_id: str) -> None:
        """Leave a room. Raises InputError of the last owner, and NotFound where the caller is not in it."""
        self._http.ask("POST", f"{_room(room_id)}/leave", Acknowledged)

    def invite(self, room_id: str, request: Invite) -> InvitationMade:
        """Make an invitation; safe to repeat. Raises Refused where the caller is no owner."""
        return self._http.ask("POST", f"{_room(room_id)}/invitations", InvitationMade, request)

    def revoke_invitation(self, room_id: str, invitation_id: str) -> None:
        """Take an invitation back; safe to repeat. Raises NotFound, Refused."""
        path = f"{_room(room_id)}/invitations/{quote(invitation_id, safe='')}"
        self._http.ask("DELETE", path, Acknowledged)

    def join(self, request: JoinRoom) -> RoomView:
        """Come into a room; safe to repeat. Raises InputError where the invitation is not valid."""
        return self._http.ask("POST", "/api/join", RoomView, request)

    def trail(self, room_id: str, most: int) -> list[TrailLine]:
        """Return who did what in a room, the newest last."""
        return self._http.ask_list(f"{_room(room_id)}/trail?most={most}", TrailLine)

    def newest_events(self, room_id: str, most: int) -> list[RoomEvent]:
        """Return the room's last notifications, oldest first."""
        return self._http.ask_list(f"{_room(room_id)}/events/newest?most={most}", RoomEvent)

    def request_upload(self, request: RequestUpload) -> UploadOpened:
        """Open an upload."""
        return self._http.ask("POST", "/api/request-upload", UploadOpened, request)

    def sign_parts(self, upload_id: str, request: SignParts) -> SignedParts:
        """Have URLs signed."""
        return self._http.ask("POST", f"/api/uploads/{quote(upload_id)}/sign-parts", SignedParts, request)

    def complete_upload(self, request: CompleteUpload) -> UploadStatus:
        """Complete an upload; safe to repeat."""
        return self._http.ask("POST", "/api/complete-upload", UploadStatus, request)

    def upload_status(self, upload_id: str) -> UploadStatus:
        """Return how far an upload is. Raises NotFound."""
        return self._http.ask("GET", f"/api/upload-status/{quote(upload_id)}", UploadStatus)

    def abort_upload(self, upload_id: str) -> UploadStatus:
        """Give an upload up."""
        return self._http.ask("DELETE", f"/api/uploads/{quote(upload_id)}", UploadStatus)

    def uploads(self, room_id: str) -> list[UploadStatus]:
        """Return the room's uploads."""
        return self._http.ask_list(f"/api/rooms/{quote(room_id)}/uploads", UploadStatus)

    def datasets(self, room_id: str, size_bytes: int) -> list[DatasetView]:
        """Return the room's datasets of a size that are still in the store."""
        path = f"/api/rooms/{quote(room_id)}/datasets?size_bytes={size_bytes}"
        return self._http.ask_list(path, DatasetView)

    def submit_job(self, room_id: str, request: SubmitJob) -> Job:
        """Submit a job for a dataset that is in the room."""
        return self._http.ask("POST", f"/api/rooms/{quote(room_id)}/jobs", Job, request)

    def submit_shared_job(self, room_id: str, request: SubmitSharedJob) -> Job:
        """Submit a job for a dataset in the shared folder; safe to repeat."""
        return self._http.ask("POST", f"/api/rooms/{quote(room_id)}/shared-jobs", Job, request)

    def jobs(self, room_id: str, most: int = 50, *, only_open: bool = False) -> list[JobView]:
        """Return the room's newest jobs, oldest first; or the newest of those that have not ended."""
        query = f"most={most}&only_open={str(only_open).lower()}"
        return self._http.ask_list(f"/api/rooms/{quote(room_id)}/jobs?{query}", JobView)

    def job(self, room_id: str, job_id: str) -> JobView:
        """Return a job and what it waits for. Raises NotFound."""
        return self._http.ask("GET", f"/api/rooms/{quote(room_id)}/jobs/{quote(job_id)}", JobView)

    def cancel_job(self, room_id: str, job_id: str) -> Job:
        """Cancel a job; safe to repeat. Raises NotFound, and InputError where it is too late."""
        return self._http.ask("POST", f"/api/rooms/{quote(room_id)}/jobs/{quote(job_id)}/cancel", Job)

    def retry_job(self, room_id: str, job_id: str, request: RetryJob) -> Job:
        """Make a new job that does the same once more; safe to repeat.

        Raises:
            NotFound: there is no such job.
            InputError: it has not ended, or it ended well.
            ObjectChanged: its dataset is gone.
        """
        path = f"/api/rooms/{quote(room_id)}/jobs/{quote(job_id)}/retry"
        return self._http.ask("POST", path, Job, request)

    def job_log(self, room_id: str, job_id: str, after: int) -> JobLog:
        """Return the log segments after one."""
        path = f"/api/rooms/{quote(room_id)}/jobs/{quote(job_id)}/log?after={after}"
        return self._http.ask("GET", path, JobLog)

    def job_results(self, room_id: str, job_id: str) -> JobResults:
        """Have URLs signed for a job's predictions. Raises NotFound, and InputError where it has none."""
        path = f"/api/rooms/{quote(room_id)}/jobs/{quote(job_id)}/results"
        return self._http.ask("GET", path, JobResults)

    def manifest(self, room_id: str, *, patient: bool = True) -> Manifest:
        """Return the room's manifest; who has an older one at hand need not be patient."""
        tries = TRIES if patient else _TRIES_IN_HASTE
        return self._http.ask("GET", f"/api/rooms/{quote(room_id)}/manifest", Manifest, tries=tries)

    def models(
        self,
        room_id: str,
        most: int,
        *,
        after: str | None = None,
        tag: str | None = None,
        model_type: str | None = None,
        removed: bool = False,
    ) -> ModelPage:
        """Return a page of the room's models, the newest first; `after` is what the page before said."""
        asked = {"most": most, "after": after, "tag": tag, "model_type": model_type, "removed": removed}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return self._http.ask("GET", f"{_room(room_id)}/models?{query}", ModelPage)

    def model(self, room_id: str, model: str) -> ModelDetails:
        """Return a model, its names and its record. Raises NotFound, ModelRemoved."""
        return self._http.ask("GET", _model(room_id, model), ModelDetails)

    def change_model(self, room_id: str, model: str, request: ChangeModel) -> ModelDetails:
        """Change a model's tags and notes. Raises NotFound, ModelRemoved, InputError."""
        return self._http.ask("PATCH", _model(room_id, model), ModelDetails, request)

    def remove_model(self, room_id: str, model: str) -> ModelDetails:
        """Hide a model; safe to repeat. Raises NotFound."""
        return self._http.ask("DELETE", _model(room_id, model), ModelDetails)

    def restore_model(self, room_id: str, model: str) -> ModelDetails:
        """Show a removed model again; safe to repeat. Raises NotFound."""
        return self._http.ask("POST", f"{_model(room_id, model)}/restore", ModelDetails)

    def aliases(self, room_id: str) -> dict[str, str]:
        """Return which model each of the room's aliases names."""
        return self._http.ask("GET", f"{_room(room_id)}/aliases", AliasesView).aliases

    def set_alias(self, room_id: str, alias: str, request: SetAlias) -> ModelDetails:
        """Let an alias name a model; safe to repeat.

        Raises:
            NameRefused: it cannot be an alias.
            AliasMoved: it does not name what the request expects.
            NotFound: there is no such model; ModelRemoved: there was.
        """
        path = f"{_room(room_id)}/aliases/{checked_name(alias)}"
        return self._http.ask("PUT", path, ModelDetails, request)

    def remove_alias(self, room_id: str, alias: str, expected: str) -> None:
        """Take an alias off the model that it is expected to name; safe to repeat. Raises AliasMoved."""
        path = f"{_room(room_id)}/aliases/{quote(alias, safe='')}?{urlencode({'expected': expected})}"
        self._http.ask("DELETE", path, AliasesView)

    def add_version(self, room_id: str, request: AddVersion) -> ModelDetails:
        """Make a model the next version of a name; safe to repeat. Raises NotFound, InputError."""
        return self._http.ask("POST", f"{_room(room_id)}/versions", ModelDetails, request)

    def history(self, room_id: str, most: int) -> list[RevisionView]:
        """Return who changed what in the room's models, the newest first."""
        return self._http.ask_list(f"{_room(room_id)}/history?most={most}", RevisionView)

    def diff(self, room_id: str, before: int, after: int | None = None) -> DiffView:
        """Return what changed between two revisions, or since one. Raises NotFound."""
        until = "" if after is None else f"&after={after}"
        return self._http.ask("GET", f"{_room(room_id)}/diff?before={before}{until}", DiffView)

    def collect_garbage(self, room_id: str, request: CollectGarbage) -> GarbageView:
        """Find, and delete if asked to, what no revision names. Raises Refused where one is no owner."""
        return self._http.ask("POST", f"{_room(room_id)}/gc", GarbageView, request)

    def repair(self, room_id: str) -> RepairView:
        """Bring a lost or damaged manifest back. Raises Refused where one is no owner."""
        return self._http.ask("POST", f"{_room(room_id)}/repair", RepairView)

    def request_download(self, room_id: str, model: str) -> ModelDownload:
        """Have URLs signed for a model's files. Raises NotFound."""
        body = RequestDownload(room_id=room_id, model=model)
        return self._http.ask("POST", "/api/request-download", ModelDownload, body)

    def request_dataset(self, room_id: str, upload_id: str) -> FileDownload:
        """Have the URL of a dataset signed. Raises NotFound, ObjectChanged."""
        body = RequestDownload(room_id=room_id, upload_id=upload_id)
        return self._http.ask("POST", "/api/request-download", FileDownload, body)

    def push_session(
        self, room_id: str, model_type: str, model_id: str, files: Sequence[ModelFile]
    ) -> PushSession:
        """Return how a model is brought to a room."""
        from sleap_rtc.events.push_session import PushSession  # what it says takes long to load

        return PushSession(self._http, room_id, model_type, model_id, files)

    def events(self, room_id: str, last_id: str) -> Iterator[RoomEvent]:
        """Yield the room's notifications after `last_id` until the stream is cut, but those of a kind that
        only a newer version knows.

        Raises:
            Unreachable: there is no stream, or it fell silent.
            NotFound: there is no such room.
        """
        headers = {"Accept": "text/event-stream", "Last-Event-ID": last_id}
        for text in self._http.stream(f"/api/rooms/{quote(room_id)}/events", headers):
            if text.startswith("data:"):
                try:
                    event = RoomEvent.model_validate_json(text.removeprefix("data:").strip())
                except ValidationError:
                    continue
                yield event


def _room(room_id: str) -> str:
    return f"/api/rooms/{quote(room_id, safe='')}"


def _model(room_id: str, model: str) -> str:
    if not _MODEL_NAME.fullmatch(model):
        raise NotFound(what=f"model {model[:80]} in room {room_id}")
    return f"{_room(room_id)}/models/{quote(model)}"
