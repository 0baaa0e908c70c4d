"""The routes of workers without credentials as a stranger would try them, by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.desktop import ServiceLab

from sleap_rtc.events.workers import BELIEVED_FOR, WorkerView
from sleap_rtc.storage import keys

if TYPE_CHECKING:
    from support.product import Product

NEVER = "01J00000000000000000000000"
NOW = datetime.now(UTC)
THERE = {"kind": "desktop", "trainer": "reference", "started_at": NOW.isoformat(), "until": NOW.isoformat()}
FILE = {"fencing": 1, "name": "best.ckpt"}
OPEN = {**FILE, "s3_upload_id": "x"}
PART = {"number": 1, "length": 1, "checksum": "AAAAAAAAAAA="}
ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/worker-terms", None),
    ("POST", "/wakeups/receive", {"wait_s": 0, "visibility_s": 30}),
    ("POST", "/wakeups/extend", {"receipt_handle": "x", "visibility_s": 0}),
    ("POST", "/wakeups/delete", {"receipt_handle": "x"}),
    ("POST", "/wakeups/send", {"body": "{}"}),
    ("POST", "/wakeups/bury", {"body": "{}"}),
    ("PUT", "/workers/gpu-1", THERE),
    ("POST", f"/jobs/{NEVER}/claim", {"worker_id": "gpu-1", "event": "m1"}),
    ("POST", f"/jobs/{NEVER}/report", {"fencing": 1, "report": {"kind": "renewed"}}),
    ("GET", f"/jobs/{NEVER}/hold?fencing=1", None),
    ("POST", f"/jobs/{NEVER}/log", {"fencing": 1, "segment": 1, "text": "x"}),
    ("POST", f"/jobs/{NEVER}/live", {"fencing": 1, "seq": 1, "text": "x"}),
    ("POST", f"/jobs/{NEVER}/samples", {"fencing": 1, "name": "a.png", "content": "aaaa"}),
    (
        "POST",
        f"/jobs/{NEVER}/model-files/open",
        {**FILE, "size_bytes": 1, "checksum": "crc64nvme:AAAAAAAAAAA="},
    ),
    ("POST", f"/jobs/{NEVER}/model-files/sign-parts", {**OPEN, "parts": [PART]}),
    (
        "POST",
        f"/jobs/{NEVER}/model-files/complete",
        {**OPEN, "whole_checksum": True, "checksum": "AAAAAAAAAAA=", "parts": [{**PART, "etag": "x"}]},
    ),
    ("POST", f"/jobs/{NEVER}/model-files/abort", OPEN),
    ("POST", f"/jobs/{NEVER}/worker-usage", {"fencing": 1, "began": NOW.isoformat(), "usage": {}}),
]


@pytest.fixture
def lab(product: Product) -> ServiceLab:
    lab = ServiceLab(product)
    lab.let_in("a reader", "reader")
    return lab


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=lambda value: str(value)[:40])
def test_every_route_is_for_who_may_write(lab: ServiceLab, method: str, path: str, body: Any) -> None:
    strangers, problem = lab.answer(method, path, body, "a stranger")
    assert (strangers, problem["detail"]) == (
        404,
        f"There is no room {lab.room_id} (or you have no access to it).",
    )
    readers, problem = lab.answer(method, path, body, "a reader")
    assert (readers, "you may only read" in problem["detail"]) == (403, True)


def test_every_route_is_in_the_list_above(product: Product, lab: ServiceLab) -> None:
    paths = lab.http()._pool.request("GET", product.stack.service_url + "/openapi.json").json()["paths"]
    words = ("wakeups", "worker", "model-files")
    # What owners do about the tokens of workers is no worker's route.
    there = {path for path in paths if any(w in path for w in words) and "worker-tokens" not in path}
    assert len(there) == len(
        [path for _, path, _ in ROUTES if "/jobs/" not in path or "model-files" in path or "usage" in path]
    )


def test_the_terms_say_how_long_a_claim_holds(lab: ServiceLab) -> None:
    assert lab.answer("GET", "/worker-terms") == (200, {"lease_s": 4})


def test_a_worker_is_not_believed_for_longer_than_any_other(lab: ServiceLab) -> None:
    until = NOW + timedelta(days=365)
    assert lab.answer("PUT", "/workers/gpu-1", {**THERE, "until": until.isoformat()})[0] == 200
    stored = lab.rooms.get(keys.worker_key(lab.room_id, "gpu-1")).body
    assert WorkerView.model_validate_json(stored).until <= datetime.now(UTC) + BELIEVED_FOR


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/workers/.gpu", THERE),
        ("PUT", "/workers/a%2Fb", THERE),
        ("PUT", "/workers/gpu-1", {**THERE, "until": "2026-01-01T00:00:00"}),
        ("PUT", "/workers/gpu-1", {**THERE, "room_id": "another"}),
        ("POST", "/jobs/x/claim", {"worker_id": "gpu-1", "event": "m1"}),
        ("POST", f"/jobs/{NEVER}/claim", {"worker_id": "../x", "event": "m1"}),
        ("POST", f"/jobs/{NEVER}/claim", {"worker_id": "gpu-1", "event": "m" * 129}),
        ("POST", f"/jobs/{NEVER}/claim", {"worker_id": "gpu-1", "event": "m1", "subject": "another"}),
        ("POST", f"/jobs/{NEVER}/report", {"fencing": 1, "report": {"kind": "published"}}),
        (
            "POST",
            f"/jobs/{NEVER}/report",
            {"fencing": 1, "report": {"kind": "advanced", "state": "published"}},
        ),
        ("POST", f"/jobs/{NEVER}/log", {"fencing": 1, "segment": -1, "text": "x"}),
        ("POST", f"/jobs/{NEVER}/log", {"fencing": 1, "segment": 100_000_000, "text": "x"}),
        ("POST", f"/jobs/{NEVER}/log", {"fencing": 1, "segment": 1, "text": "x" * (1024 * 1024 + 1)}),
        ("POST", f"/jobs/{NEVER}/live", {"fencing": 1, "seq": 0, "text": "x"}),
        ("POST", f"/jobs/{NEVER}/live", {"fencing": 1, "seq": 2**53 + 1, "text": "x"}),
        ("POST", f"/jobs/{NEVER}/live", {"fencing": 1, "seq": 1, "text": "x" * (1024 * 1024 + 1)}),
        ("POST", f"/jobs/{NEVER}/samples", {"fencing": 1, "name": "../a.png", "content": "aaaa"}),
        ("POST", f"/jobs/{NEVER}/samples", {"fencing": 1, "name": "a.png", "content": "AAAA" * 1_400_000}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_is_refused_at_the_edge(lab: ServiceLab, method: str, path: str, body: Any) -> None:
    status, problem = lab.answer(method, path, body)
    assert status in {404, 405, 422}
    assert problem["code"]


def test_a_body_beyond_all_bounds_is_not_read(lab: ServiceLab) -> None:
    text = {"fencing": 1, "segment": 1, "text": "x" * (8 * 1024 * 1024)}
    status, problem = lab.answer("POST", f"/jobs/{NEVER}/log", text)
    assert (status, problem["status"]) == (413, 413)
