"""The HTTP API as a stranger would try it: a real service on a real store, requests by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from sleap_rtc.storage.checksum import combine, crc64nvme, to_header
from sleap_rtc.storage.keys import UploadKey, upload_record_key
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.s3_client import s3_client

if TYPE_CHECKING:
    from support.product import Product

MIB = 1024 * 1024
UPLOADS = "sleap-rtc-uploads"
PARTS = (b"a" * 5 * MIB, b"b" * 1000)
SIZE = sum(map(len, PARTS))
CRCS = tuple(crc64nvme(part) for part in PARTS)
WHOLE = combine((crc, len(part)) for crc, part in zip(CRCS, PARTS, strict=True))


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    content_type: str

    @property
    def code(self) -> str:
        """The problem's code, of a problem that is one."""
        assert self.content_type == "application/problem+json", self
        assert self.body["status"] == self.status
        return str(self.body["code"])


class Api:
    """Somebody who calls the service."""

    def __init__(self, product: Product, subject: str = "local-user") -> None:
        issuer = product.stack.issuer
        self._url = product.stack.service_url
        self.token = issuer.token(subject)

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        reply = urllib3.request(method, self._url + path, headers=headers, body=content, retries=False)
        parsed = json.loads(reply.data) if reply.data else None
        return Answer(reply.status, parsed, reply.headers.get("Content-Type", ""))

    def post(self, path: str, **body: Any) -> Answer:
        return self.call("POST", path, body)

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def open_upload(self, room: str, **changed: Any) -> Answer:
        body = {
            "room_id": room,
            "file_name": "d.zip",
            "size_bytes": SIZE,
            "part_size_bytes": 5 * MIB,
        }
        return self.post("/api/request-upload", **{**body, **changed})

    def sign(self, upload: str, *numbers: int) -> Answer:
        parts = [
            {"number": n, "length": len(PARTS[n - 1]), "checksum": to_header(CRCS[n - 1])} for n in numbers
        ]
        return self.post(f"/api/uploads/{upload}/sign-parts", parts=parts)

    def datasets(self, room: str, size_bytes: int) -> Answer:
        return self.get(f"/api/rooms/{room}/datasets?size_bytes={size_bytes}")

    def complete(self, upload: str, etags: list[str], checksum: int = WHOLE) -> Answer:
        parts = [
            {"number": n + 1, "length": len(PARTS[n]), "checksum": to_header(CRCS[n]), "etag": etag}
            for n, etag in enumerate(etags)
        ]
        return self.post("/api/complete-upload", upload_id=upload, checksum=to_header(checksum), parts=parts)


@pytest.fixture
def api(product: Product) -> Api:
    return Api(product)


@pytest.fixture
def room(api: Api) -> str:
    return str(api.post("/api/rooms", name="A room").body["room_id"])


@pytest.fixture
def upload(api: Api, room: str) -> str:
    return str(api.open_upload(room).body["upload_id"])


@pytest.fixture
def completed(api: Api, upload: str) -> str:
    """An upload whose dataset is in the room."""
    assert api.complete(upload, send_all(api, upload)).status == 200
    return upload


def key_of(room: str, upload: str) -> str:
    return str(UploadKey(room, upload))


def remove(product: Product, key: str) -> None:
    """Lose an object, as a lifecycle rule would."""
    s3_client("us-east-1", product.stack.s3_url).delete_object(Bucket=UPLOADS, Key=key)


def put(url: str, body: bytes, crc: int) -> urllib3.BaseHTTPResponse:
    return urllib3.request("PUT", url, body=body, headers={"x-amz-checksum-crc64nvme": to_header(crc)})


def send_all(api: Api, upload: str) -> list[str]:
    urls = api.sign(upload, 1, 2).body["urls"]
    return [put(urls[str(n)], PARTS[n - 1], CRCS[n - 1]).headers["ETag"] for n in (1, 2)]


def test_an_upload_from_first_url_to_object(api: Api, upload: str) -> None:
    etags = send_all(api, upload)
    held = api.get(f"/api/upload-status/{upload}").body
    assert {number: part["size_bytes"] for number, part in held["parts"].items()} == {"1": 5 * MIB, "2": 1000}
    done = api.complete(upload, etags)
    assert (done.status, done.body["state"]) == (200, "completed")
    assert done.body["checksum"] == f"crc64nvme:{to_header(WHOLE)}"


def test_completing_twice_gives_the_same_answer(api: Api, upload: str) -> None:
    etags = send_all(api, upload)
    first, second = (api.complete(upload, etags).body for _ in range(2))
    del first["noticed_at"], second["noticed_at"]  # the bucket's notification may arrive between the two
    assert first == second


def test_completing_with_another_checksum_is_refused_and_the_upload_stays_open(api: Api, upload: str) -> None:
    etags = send_all(api, upload)
    assert api.complete(upload, etags, checksum=1).code == "integrity_error"
    assert api.complete(upload, etags).status == 200


def test_a_url_takes_no_other_bytes(api: Api, upload: str) -> None:
    urls = api.sign(upload, 2).body["urls"]
    altered, longer = b"B" + PARTS[1][1:], PARTS[1] + b"b"
    assert put(urls["2"], altered, CRCS[1]).status == 400
    assert put(urls["2"], altered, crc64nvme(altered)).status == 403
    assert put(urls["2"], longer, CRCS[1]).status == 403
    assert put(urls["2"], PARTS[1], CRCS[1]).status == 200


def test_a_url_is_for_one_part_of_one_upload(api: Api, upload: str) -> None:
    url = api.sign(upload, 2).body["urls"]["2"]
    assert put(url.replace("partNumber=2", "partNumber=1"), PARTS[1], CRCS[1]).status == 403
    assert put(url.replace("/data?", "/other?"), PARTS[1], CRCS[1]).status == 403


@pytest.mark.parametrize(
    "part",
    [
        {"number": 1, "length": 5, "checksum": to_header(0)},
        {"number": 3, "length": 1000, "checksum": to_header(0)},
    ],
)
def test_a_part_that_is_not_in_the_plan_is_not_signed(api: Api, upload: str, part: dict[str, Any]) -> None:
    assert api.post(f"/api/uploads/{upload}/sign-parts", parts=[part]).code == "input_error"


@pytest.mark.parametrize(
    "part",
    [
        {"number": 0, "length": 5, "checksum": to_header(0)},
        {"number": -1, "length": 5, "checksum": to_header(0)},
        {"number": 10_001, "length": 5, "checksum": to_header(0)},
        {"number": 1, "length": -5, "checksum": to_header(0)},
        {"number": 1, "length": 5, "checksum": "not a checksum"},
        {"number": 1, "length": 5, "checksum": to_header(0), "key": "other/key"},
    ],
)
def test_a_part_that_cannot_be_one_is_refused_at_the_edge(
    api: Api, upload: str, part: dict[str, Any]
) -> None:
    assert api.post(f"/api/uploads/{upload}/sign-parts", parts=[part]).code == "invalid_request"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"size_bytes": -1}, 422),
        ({"size_bytes": 6 * 1024**4}, 422),
        ({"part_size_bytes": 1}, 400),
        ({"size_bytes": 1024**4, "part_size_bytes": 5 * MIB}, 400),
        ({"file_name": ""}, 422),
        ({"content_type": "text/html; x"}, 422),
        ({"bucket": "mine"}, 422),
        ({"key": "../../x"}, 422),
        ({"room_id": "../x"}, 404),
        ({"room_id": "00000000"}, 404),
    ],
)
def test_an_upload_that_cannot_be_opened(api: Api, room: str, changed: dict[str, Any], status: int) -> None:
    answer = api.open_upload(room, **changed)
    assert answer.status == status
    assert answer.code


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\x.zip", "ü + % .zip", "a\nb.zip"])
def test_a_file_name_never_becomes_a_key(api: Api, room: str, name: str) -> None:
    upload = api.open_upload(room, file_name=name).body["upload_id"]
    status = api.get(f"/api/upload-status/{upload}").body
    assert status["file_name"] == name
    assert status["path"] == f"s3://sleap-rtc-uploads/uploads/{room}/{upload}/data"


def test_an_aborted_upload_takes_no_parts(api: Api, upload: str) -> None:
    assert api.call("DELETE", f"/api/uploads/{upload}").body["state"] == "aborted"
    assert api.sign(upload, 1).code == "input_error"


def test_a_stranger_gets_the_same_answers_as_for_what_does_not_exist(
    product: Product, room: str, upload: str
) -> None:
    stranger = Api(product, "a stranger")
    for below in ("", "/jobs", "/manifest", "/datasets"):
        path = f"/api/rooms/{room}{below}"
        real, made_up = stranger.get(path), stranger.get(path.replace(room, "00000000"))
        assert (real.status, real.code) == (404, "not_found")
        assert json.dumps(real.body).replace(room, "00000000") == json.dumps(made_up.body)
    unknown = upload[:-4] + "0000"
    assert stranger.post("/api/request-download", room_id=room, upload_id=upload).status == 404
    assert stranger.sign(upload, 1).status == stranger.sign(unknown, 1).status == 404
    assert stranger.open_upload(room).status == 404
    assert stranger.get("/api/rooms").body == []


def test_a_job_is_submitted_for_an_upload_that_came_without_one(api: Api, room: str, upload: str) -> None:
    early = api.post(f"/api/rooms/{room}/jobs", upload_id=upload, job={})
    assert early.code == "input_error"
    api.complete(upload, send_all(api, upload))
    job = api.post(f"/api/rooms/{room}/jobs", upload_id=upload, job={"trainer": "reference"})
    assert (job.status, job.body["state"]) == (201, "queued")
    again = api.post(f"/api/rooms/{room}/jobs", upload_id=upload, job={})
    assert again.code == "input_error"


def test_a_dataset_gets_as_many_jobs_as_are_submitted(
    product: Product, api: Api, room: str, completed: str
) -> None:
    def submit(submission: str) -> Any:
        body = {"upload_id": completed, "job": {}, "submission_id": submission}
        return api.post(f"/api/rooms/{room}/jobs", **body).body

    first, second, first_again = submit("one"), submit("two"), submit("one")
    assert first["job_id"] == first_again["job_id"] != second["job_id"]
    assert first["dataset"] == second["dataset"]
    assert len(api.get(f"/api/rooms/{room}/jobs").body) == 2
    record = product.objects("sleap-rtc-rooms").get(upload_record_key(UploadKey(room, completed)))
    assert len(json.loads(record.body)["submitted"]) == 2


def test_a_completed_dataset_is_found_by_its_size(api: Api, room: str, completed: str) -> None:
    (found,) = api.datasets(room, SIZE).body
    assert found == {
        "upload_id": completed,
        "file_name": "d.zip",
        "size_bytes": SIZE,
        "checksum": f"crc64nvme:{to_header(WHOLE)}",
        "path": f"s3://{UPLOADS}/uploads/{room}/{completed}/data",
    }
    assert api.datasets(room, SIZE - 1).body == []
    assert api.get(f"/api/rooms/{room}/datasets").body == [found]


def test_a_dataset_that_came_twice_is_found_once_and_as_the_newer(
    api: Api, room: str, completed: str
) -> None:
    newer = str(api.open_upload(room).body["upload_id"])
    assert [found["upload_id"] for found in api.datasets(room, SIZE).body] == [completed]
    api.complete(newer, send_all(api, newer))
    assert [found["upload_id"] for found in api.datasets(room, SIZE).body] == [newer]


def test_a_dataset_that_expired_or_was_replaced_is_left_out(
    product: Product, api: Api, room: str, completed: str
) -> None:
    product.objects(UPLOADS).put(key_of(room, completed), b"something else", Overwrite())
    assert api.datasets(room, SIZE).body == []
    remove(product, key_of(room, completed))
    assert api.datasets(room, SIZE).body == []


def test_a_dataset_that_would_expire_before_its_job_ends_takes_none(
    product: Product, api: Api, room: str, completed: str
) -> None:
    rooms, key = product.objects("sleap-rtc-rooms"), upload_record_key(UploadKey(room, completed))
    record = json.loads(rooms.get(key).body)
    for days, offered in ((11, 1), (13, 0)):
        began = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        rooms.put(key, json.dumps({**record, "created_at": began}).encode(), Overwrite())
        assert len(api.datasets(room, SIZE).body) == offered
    refused = api.post(f"/api/rooms/{room}/jobs", upload_id=completed, job={})
    assert refused.code == "input_error"
    assert "is over 12 days old and may expire before a job of it ends" in refused.body["detail"]


def test_a_dataset_that_is_still_on_its_way_is_left_out(api: Api, room: str, upload: str) -> None:
    send_all(api, upload)
    assert api.datasets(room, SIZE).body == []


def test_a_size_that_no_dataset_can_have_is_refused(api: Api, room: str) -> None:
    assert api.datasets(room, -1).code == "invalid_request"


def test_the_download_of_a_dataset_is_signed(api: Api, room: str, completed: str) -> None:
    offer = api.post("/api/request-download", room_id=room, upload_id=completed).body
    assert (offer["name"], offer["size_bytes"]) == ("d.zip", SIZE)
    assert offer["checksum"] == f"crc64nvme:{to_header(WHOLE)}"
    reply = urllib3.request("GET", offer["url"], headers={"If-Match": offer["etag"]})
    assert reply.data == b"".join(PARTS)


def test_a_dataset_that_is_gone_is_not_signed(product: Product, api: Api, room: str, completed: str) -> None:
    remove(product, key_of(room, completed))
    assert api.post("/api/request-download", room_id=room, upload_id=completed).code == "object_changed"


def test_a_dataset_is_signed_for_its_own_room_alone(api: Api, room: str, completed: str) -> None:
    other = str(api.post("/api/rooms", name="Another room").body["room_id"])
    assert api.post("/api/request-download", room_id=other, upload_id=completed).code == "not_found"


def test_an_upload_that_is_not_complete_is_not_signed(api: Api, room: str, upload: str) -> None:
    assert api.post("/api/request-download", room_id=room, upload_id=upload).code == "not_found"


@pytest.mark.parametrize(
    "wanted", [{}, {"model": "m", "upload_id": "u"}, {"key": "uploads/x"}, {"upload_id": ""}]
)
def test_a_download_is_of_either_a_model_or_a_dataset(api: Api, room: str, wanted: dict[str, str]) -> None:
    assert api.post("/api/request-download", room_id=room, **wanted).code == "invalid_request"


@pytest.mark.parametrize("path", ["/api/nothing", "/api/rooms/x/jobs/y/log?after=-1", "/api/rooms/%00"])
def test_every_refusal_is_a_problem(api: Api, path: str) -> None:
    assert api.get(path).code


def test_a_body_that_is_not_json_is_a_problem(api: Api) -> None:
    assert api.call("POST", "/api/rooms", b"{not json").code == "invalid_request"


def test_the_service_says_that_it_is_ready(api: Api) -> None:
    assert api.get("/readyz").body == {"status": "ready"}
    assert "/api/request-upload" in api.get("/openapi.json").body["paths"]
