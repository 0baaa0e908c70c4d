"""Schemathesis over the whole OpenAPI document, on a service that asks for tokens: whatever comes, no answer
is a failure of the service, none is undocumented, and what the document forbids is refused.

The examples are the same each time. What schemathesis takes for a good request is given a room, an upload
and a held job that exist, so that it comes further than the door. Streams never end and are therefore asked
for in rooms that do not exist alone; what they tell is looked at elsewhere (test_job_live_routes, test_api).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from sleap_rtc.service.app import create_app
from sleap_rtc.service.problems import CODES
from sleap_rtc.storage.checksum import crc64nvme, to_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.product import Product

EXAMPLES = 6
DATA = b"a dataset"
CRC = to_header(crc64nvme(DATA))
KEPT = 3
"""Of the bad requests to a route every third is sent, or this would take two minutes."""
STREAMS = ("/events", "/live")


def _no_lifespan(_: Any) -> Any:
    raise AssertionError("this app is never run")


schema = schemathesis.openapi.from_dict(create_app(_no_lifespan).openapi())


bad_requests: defaultdict[tuple[str, str], count[int]] = defaultdict(count)
asked_without_token: set[tuple[str, str]] = set()


@dataclass(frozen=True)
class There:
    """What exists on the service."""

    url: str
    session: requests.Session
    path: dict[str, str]


@pytest.fixture(scope="module")
def there(product: Product) -> Iterator[There]:
    """A room with a dataset and a job that a worker holds, and somebody who may do anything in it."""
    session = requests.Session()
    url = product.stack.service_url

    def post(path: str, **body: Any) -> Any:
        reply = session.post(f"{url}/api{path}", json=body)
        assert reply.ok, reply.text
        return reply.json()

    session.headers["Authorization"] = f"Bearer {product.stack.issuer.token('local-user')}"
    room = post("/rooms", name="Fuzzed")["room_id"]
    asked = {"room_id": room, "file_name": "d.zip", "size_bytes": len(DATA), "part_size_bytes": 5 * 2**20}
    upload = post("/request-upload", **asked)["upload_id"]
    part = {"number": 1, "length": len(DATA), "checksum": CRC}
    signed = post(f"/uploads/{upload}/sign-parts", parts=[part])["urls"]["1"]
    sent = requests.put(signed, DATA, headers={"x-amz-checksum-crc64nvme": CRC}, timeout=10)
    parts = [{**part, "etag": sent.headers["ETag"]}]
    post("/complete-upload", upload_id=upload, checksum=CRC, parts=parts)
    job = post(f"/rooms/{room}/jobs", upload_id=upload, job={}, submission_id="one")["job_id"]
    held = post(f"/rooms/{room}/jobs/{job}/claim", worker_id="gpu-1", event="m1")
    assert held["fencing"] == 1
    yield There(url, session, {"room_id": room, "job_id": job, "upload_id": upload, "worker_id": "gpu-1"})
    session.close()


@schema.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_no_answer_is_a_failure_or_undocumented(case: schemathesis.Case[Any], there: There) -> None:
    assert case.meta is not None
    if case.meta.generation.mode is GenerationMode.POSITIVE:
        let_in(case, there)
    elif next(bad_requests[case.method, case.path]) % KEPT:
        return
    response = case.call(base_url=there.url, session=there.session)
    case.validate_response(response, excluded_checks=left_out(case, response))
    check_code(case, response)


def left_out(case: schemathesis.Case[Any], response: schemathesis.Response) -> list[Any]:
    """Return the checks that say nothing here.

    A request of the right form may be refused for what it asks. That nobody is answered without a token is
    tried with the first request of each route that is answered well, and with two more requests each time.
    """
    route = (case.method, case.path)
    if response.status_code < 300 and route not in asked_without_token:
        asked_without_token.add(route)
        return [positive_data_acceptance]
    return [positive_data_acceptance, ignored_auth]


def let_in(case: schemathesis.Case[Any], there: There) -> None:
    """Have a good request be about what exists."""
    if not case.path.endswith(STREAMS) or case.method != "GET":
        case.path_parameters.update(
            {name: there.path[name] for name in case.path_parameters if name in there.path}
        )
    if isinstance(case.body, dict):
        wanted: dict[str, Any] = {**there.path, "fencing": 1, "wait_s": 0}
        case.body.update({name: wanted[name] for name in case.body if name in wanted})


def check_code(case: schemathesis.Case[Any], response: schemathesis.Response) -> None:
    """A problem's code is one of those that the document names for the route and the status."""
    if response.status_code < 400 or response.status_code == 405:
        return
    documented = case.operation.definition.raw["responses"][str(response.status_code)][CODES]
    assert response.json()["code"] in documented, response.text
