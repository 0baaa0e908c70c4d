"""Bad input at every field that names something or measures it: refused at the edge, and nothing is made."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
from support.desktop import ServiceLab

from sleap_rtc.storage.checksum import to_header

if TYPE_CHECKING:
    from support.product import Product

MIB = 1024 * 1024
CRC = to_header(0)
ULID = "01JD0000000000000000000000"
PART = {"number": 1, "length": 1000, "checksum": CRC}
NO_ID = [
    "..",
    "../../etc/passwd",
    "..\\..\\x",
    "a/../b",
    "%2e%2e%2f",
    "\x00",
    "a\nb",
    " ",
    "room room",
    "ᴀbc",
    "\u0430bc",
    "\u202eabc",
    "\ufeffabc",
    "İ",
    "☃",
    "a" * 33,
    "a" * 5000,
    ".open",
    ".receipts",
    "uploads/",
    "-1",
    "*",
    "${jndi:ldap://x}",
    "'; DROP TABLE rooms; --",
]
PATHS: list[tuple[str, str, Any]] = [
    ("GET", "/api/rooms/{}", None),
    ("GET", "/api/rooms/{}/manifest", None),
    ("POST", "/api/rooms/{}/leave", None),
    ("GET", "/api/rooms/{room}/jobs/{}", None),
    ("GET", "/api/rooms/{room}/jobs/{}/log", None),
    ("POST", "/api/rooms/{room}/jobs/{}/cancel", None),
    ("POST", "/api/rooms/{room}/jobs/{}/claim", {"worker_id": "w", "event": "m"}),
    ("GET", "/api/rooms/{room}/jobs/{}/checkpoint?fencing=1", None),
    ("GET", "/api/upload-status/{}", None),
    ("DELETE", "/api/uploads/{}", None),
    ("POST", "/api/uploads/{}/sign-parts", {"parts": [PART]}),
    ("POST", "/api/rooms/{room}/pushed-models/{}/publish", {"files": []}),
    ("GET", "/api/rooms/{room}/models/{}", None),
    ("DELETE", "/api/rooms/{room}/invitations/{}", None),
    ("GET", "/api/rooms/{room}/jobs/" + ULID + "/commands/{}", None),
    ("GET", "/api/rooms/{room}/jobs/" + ULID + "/samples/{}", None),
]


@pytest.fixture
def lab(product: Product) -> ServiceLab:
    return ServiceLab(product)


class Raw:
    """Requests as they stand: no library tidies their paths up."""

    def __init__(self, product: Product) -> None:
        self._address = urlsplit(product.stack.service_url).netloc
        self._token = product.stack.issuer.token("local-user")

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        reply = connection.getresponse()
        told = json.loads(reply.read())
        connection.close()
        return reply.status, told


@pytest.fixture(scope="module")
def raw(product: Product) -> Raw:
    return Raw(product)


@pytest.mark.parametrize(("method", "path", "body"), PATHS, ids=[path for _, path, _ in PATHS])
def test_no_path_leads_anywhere_else(lab: ServiceLab, raw: Raw, method: str, path: str, body: Any) -> None:
    before = sorted(info.key for info in lab.rooms.list(""))
    for name in NO_ID:
        for spelt in (quote(name, safe=""), quote(quote(name, safe=""), safe="")):
            status, problem = raw.ask(method, path.replace("{}", spelt).replace("{room}", lab.room_id), body)
            assert status in {404, 405, 422, 400}, (name, problem)
            assert problem["status"] == status
    assert sorted(info.key for info in lab.rooms.list("")) == before


WRONG_UPLOADS = [
    {"size_bytes": -1},
    {"size_bytes": 2**63},
    {"size_bytes": 1e400},
    {"size_bytes": 5 * 1024**4 + 1},
    {"size_bytes": "NaN"},
    {"size_bytes": 1.5},
    {"size_bytes": None},
    {"part_size_bytes": 0},
    {"part_size_bytes": -5 * MIB},
    {"part_size_bytes": 5 * 1024**3 + 1},
    {"size_bytes": 10_001 * 5 * MIB, "part_size_bytes": 5 * MIB},
    {"file_name": ""},
    {"file_name": "x" * 256},
    {"file_name": 7},
    {"content_type": "text/html\r\nX-Evil: 1"},
    {"content_type": "x" * 101},
    {"content_type": "no-slash"},
    {"traceparent": "x" * 56},
    {"job": {"trainer": "rm -rf"}},
    {"job": {"overrides": {str(number): "x" for number in range(65)}}},
    {"room_id": "../other"},
    {"room_id": "x" * 33},
    {"bucket": "mine"},
    {"key": "uploads/other/data"},
    {"upload_id": "chosen"},
]


@pytest.mark.parametrize("changed", WRONG_UPLOADS, ids=lambda changed: str(changed)[:40])
def test_no_upload_is_opened(lab: ServiceLab, raw: Raw, changed: dict[str, Any]) -> None:
    body = {"room_id": lab.room_id, "file_name": "d.zip", "size_bytes": 10, "part_size_bytes": 5 * MIB}
    status, problem = raw.ask("POST", "/api/request-upload", {**body, **changed})
    assert status in {400, 404, 422}
    assert problem["code"] in {"input_error", "not_found", "invalid_request"}
    assert raw.ask("GET", f"/api/rooms/{lab.room_id}/uploads") == (200, [])


WRONG_PARTS: list[list[Any]] = [
    [],
    [{**PART, "number": 0}],
    [{**PART, "number": -1}],
    [{**PART, "number": 10_001}],
    [{**PART, "number": 2**64}],
    [{**PART, "number": "1; DROP"}],
    [{**PART, "length": -1}],
    [{**PART, "length": 5 * 1024**3 + 1}],
    [{**PART, "checksum": "AAAA"}],
    [{**PART, "checksum": "A" * 5000}],
    [{**PART, "checksum": None}],
    [{**PART, "key": "x"}],
    [PART] * 33,
    [None],
    ["1"],
]


@pytest.fixture
def uploads(raw: Raw) -> tuple[str, str]:
    """Open uploads of two people's rooms: one's own, and a stranger's to it."""
    rooms = [raw.ask("POST", "/api/rooms", {"name": name})[1]["room_id"] for name in ("Mine", "Another")]
    body = {"file_name": "d.zip", "size_bytes": 1000, "part_size_bytes": 5 * MIB}
    mine, other = (raw.ask("POST", "/api/request-upload", {**body, "room_id": room})[1] for room in rooms)
    return mine["upload_id"], other["upload_id"]


def test_no_such_part_is_signed_or_completed(raw: Raw, uploads: tuple[str, str]) -> None:
    for parts in WRONG_PARTS:
        assert raw.ask("POST", f"/api/uploads/{uploads[0]}/sign-parts", {"parts": parts})[0] == 422, parts
        sent = [{**part, "etag": "x"} if isinstance(part, dict) else part for part in parts]
        body = {"upload_id": uploads[0], "checksum": CRC, "parts": sent}
        assert raw.ask("POST", "/api/complete-upload", body)[0] in {400, 422}, parts


def test_ten_thousand_and_one_parts_are_too_many(raw: Raw, uploads: tuple[str, str]) -> None:
    sent = [{**PART, "number": min(number, 10_000), "etag": "x"} for number in range(1, 10_002)]
    body = {"upload_id": uploads[0], "checksum": CRC, "parts": sent}
    status, problem = raw.ask("POST", "/api/complete-upload", body)
    assert (status, problem["code"]) == (422, "invalid_request")


def test_an_upload_of_a_room_that_one_is_not_in_is_not_there(
    product: Product, lab: ServiceLab, raw: Raw, uploads: tuple[str, str]
) -> None:
    mine = uploads[0]
    unknown = mine[: -len(ULID)] + ULID
    elsewhere = f"{lab.room_id}-{mine[-len(ULID) :]}"
    body = {"checksum": CRC, "parts": [{**PART, "etag": "x"}]}
    stranger = Raw(product)
    stranger._token = product.stack.issuer.token("a stranger")
    for who, upload in ((stranger, mine), (stranger, unknown), (raw, unknown), (raw, elsewhere)):
        told = [
            who.ask("POST", f"/api/uploads/{upload}/sign-parts", {"parts": [PART]}),
            who.ask("POST", "/api/complete-upload", {"upload_id": upload, **body}),
            who.ask("GET", f"/api/upload-status/{upload}"),
            who.ask("DELETE", f"/api/uploads/{upload}"),
        ]
        assert {(status, problem["detail"]) for status, problem in told} == {
            (404, f"There is no upload {upload} (or you have no access to it).")
        }


@pytest.mark.parametrize("key", ["x" * 129, "a b", "ü"])
def test_an_idempotency_key_is_short_and_plain(product: Product, lab: ServiceLab, key: str) -> None:
    address = urlsplit(product.stack.service_url).netloc
    connection = http.client.HTTPConnection(address, timeout=30)
    headers = {
        "Authorization": f"Bearer {product.stack.issuer.token('local-user')}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    connection.request("POST", "/api/rooms", json.dumps({"name": "A room"}), headers)
    reply = connection.getresponse()
    assert (reply.status, json.loads(reply.read())["code"]) == (422, "invalid_request")
    connection.close()
