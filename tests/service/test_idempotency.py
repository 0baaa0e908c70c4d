"""What is sent again because its reply was lost is done once, whoever of the instances it comes to."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from support.desktop import ServiceLab
from support.fault_proxy import FaultProxy, LoseReply

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.events import service_http
from sleap_rtc.events.api import RequestUpload
from sleap_rtc.events.room_api import Invite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.product import Product

    from sleap_rtc.local.child import Child

MIB = 1024 * 1024
FILE_CRC = "crc64nvme:AAAAAAAAAAA="
FILE = {"name": "best.ckpt", "size_bytes": 1000, "checksum": FILE_CRC}


@dataclass(frozen=True)
class Api:
    """Somebody who calls one of the instances."""

    url: str
    token: str

    def post(self, path: str, key: str, **body: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        reply = urllib3.request(
            "POST", f"{self.url}/api{path}", body=json.dumps(body), headers=headers, retries=False
        )
        return reply.status, reply.json()

    def makes(self, path: str, key: str, **body: Any) -> Any:
        status, made = self.post(path, key, **body)
        assert status == 201, made
        return made


@pytest.fixture(scope="module")
def second(product: Product) -> Iterator[tuple[Child, str]]:
    """Another instance on the same store."""
    child, url = product.stack.service("second")
    yield child, url
    child.stop()
    product.stack.children.remove(child)


@pytest.fixture
def one(product: Product) -> Api:
    return Api(product.stack.service_url, product.stack.issuer.token("local-user"))


@pytest.fixture
def other(product: Product, second: tuple[Child, str]) -> Api:
    return Api(second[1], product.stack.issuer.token("local-user"))


@pytest.fixture
def lab(product: Product) -> ServiceLab:
    return ServiceLab(product)


def upload_of(room_id: str, **changed: Any) -> dict[str, Any]:
    body = {"room_id": room_id, "file_name": "d.zip", "size_bytes": 1000, "part_size_bytes": 5 * MIB}
    return {**body, **changed}


def held(lab: ServiceLab, state: str = "") -> str:
    """Return the path of a job that is held."""
    hold = lab.claimed()
    path = f"/rooms/{hold.room_id}/jobs/{hold.job_id}"
    if state:
        report = {"kind": "advanced", "state": state, "model_id": "0f1e2d3c", "model_type": "centroid"}
        assert (
            lab.answer("POST", path.partition(lab.room_id)[2] + "/report", {"fencing": 1, "report": report})[
                0
            ]
            == 200
        )
    return path


Asked = Callable[[ServiceLab], tuple[str, dict[str, Any], dict[str, Any]]]
"""A path, what is asked for there, and something else with the same key."""


def an_upload(lab: ServiceLab) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return "/request-upload", upload_of(lab.room_id), upload_of(lab.room_id, size_bytes=1001)


def a_model_file(lab: ServiceLab) -> tuple[str, dict[str, Any], dict[str, Any]]:
    path = held(lab, "uploading") + "/model-files/open"
    return path, {"fencing": 1, **FILE}, {"fencing": 1, **FILE, "name": "other.ckpt"}


def a_checkpoint_file(lab: ServiceLab) -> tuple[str, dict[str, Any], dict[str, Any]]:
    body = {"fencing": 1, "slot": "a", **FILE}
    return held(lab) + "/checkpoint/open", body, {**body, "slot": "b"}


def a_room(lab: ServiceLab) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return "/rooms", {"name": "One"}, {"name": "Two"}


@pytest.mark.parametrize("asked", [an_upload, a_model_file, a_checkpoint_file, a_room])
def test_a_key_makes_one_thing_at_any_instance_and_another_without_it(
    lab: ServiceLab, one: Api, other: Api, asked: Asked
) -> None:
    path, body, something_else = asked(lab)
    key = lab.room_id
    first = one.makes(path, key, **body)
    assert other.makes(path, key, **body) == first
    assert one.makes(path, "", **body) != first
    assert one.makes(path, f"{key}-new", **body) != first
    status, problem = other.post(path, key, **something_else)
    assert (status, problem["code"]) == (422, "key_reused")


def test_a_key_of_somebody_else_is_another_key(lab: ServiceLab, one: Api, product: Product) -> None:
    lab.let_in("a colleague", "member")
    colleague = Api(one.url, product.stack.issuer.token("a colleague"))
    path, body, something_else = an_upload(lab)
    assert one.makes(path, "same", **body) != colleague.makes(path, "same", **something_else)


def test_of_many_at_once_all_get_one_upload(lab: ServiceLab, one: Api, other: Api) -> None:
    path, body, _ = an_upload(lab)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda turn: (one, other)[turn % 2].makes(path, "crowd", **body), range(8)))
    assert len({answer["upload_id"] for answer in made}) == 1


def test_an_invitation_is_one_with_its_newest_secret(lab: ServiceLab, one: Api, other: Api) -> None:
    path = f"/rooms/{lab.room_id}/invitations"
    first, again = one.makes(path, "k", role="reader"), other.makes(path, "k", role="reader")
    assert first["invitation_id"] == again["invitation_id"]
    assert first["invitation"] != again["invitation"]
    assert other.post(path, "k", role="owner")[1]["code"] == "key_reused"


def test_a_job_is_one_by_its_key_as_by_its_submission_id(product: Product, lab: ServiceLab, one: Api) -> None:
    upload = completed(product, one, lab.room_id)
    path, body = f"/rooms/{lab.room_id}/jobs", {"upload_id": upload, "job": {}}
    first = one.makes(path, "k", **body)
    assert one.makes(path, "k", **body)["job_id"] == first["job_id"]
    assert one.makes(path, "", **body, submission_id="k")["job_id"] == first["job_id"]
    other_job = {"upload_id": upload, "job": {"trainer": "reference"}}
    assert one.post(path, "k", **other_job)[1]["code"] == "key_reused"


def test_a_command_id_is_for_one_command(lab: ServiceLab, one: Api) -> None:
    path = held(lab, "training") + "/commands"
    given = {"command_id": "01JD0000000000000000000000", "command": {"name": "pause"}}
    assert [one.post(path, "", **given)[0] for _ in range(2)] == [202, 202]
    status, problem = one.post(path, "", **{**given, "command": {"name": "resume"}})
    assert (status, problem["code"]) == (422, "key_reused")


def test_the_client_makes_one_thing_where_replies_are_lost(
    product: Product, lab: ServiceLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_http, "_PAUSE_S", 0)
    with FaultProxy(product.stack.service_url) as proxy:
        client = ServiceClient(proxy.url, product.stack.issuer.token("local-user"))
        proxy.script("POST .*", LoseReply(), LoseReply())
        opened = client.request_upload(RequestUpload(**upload_of(lab.room_id)))
        proxy.script("POST .*", LoseReply())
        client.invite(lab.room_id, Invite())
        proxy.script("POST .*", LoseReply())
        client.request_upload(RequestUpload(**upload_of(lab.room_id)))
        assert proxy.count("POST .*") == 3 + 2 + 2
    uploads = client_of(product).uploads(lab.room_id)
    assert len(uploads) == 2
    assert opened.upload_id in {upload.upload_id for upload in uploads}
    assert len(client_of(product).room(lab.room_id).invitations) == 1


def client_of(product: Product) -> ServiceClient:
    return product.service


def completed(product: Product, api: Api, room_id: str) -> str:
    """Return an upload whose dataset is in the room: of no bytes, which has one part of none."""
    upload = api.makes("/request-upload", "", **upload_of(room_id, size_bytes=0))["upload_id"]
    part = {"number": 1, "length": 0, "checksum": "AAAAAAAAAAA="}
    url = api.post(f"/uploads/{upload}/sign-parts", "", parts=[part])[1]["urls"]["1"]
    sent = urllib3.request("PUT", url, body=b"", headers={"x-amz-checksum-crc64nvme": "AAAAAAAAAAA="})
    assert sent.status == 200, sent.data
    parts = [{**part, "etag": sent.headers["ETag"]}]
    assert api.post("/complete-upload", "", upload_id=upload, checksum="AAAAAAAAAAA=", parts=parts)[0] == 200
    return str(upload)
