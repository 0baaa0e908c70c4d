"""The OpenAPI document in the reference is the service's own, and every code of a problem is explained."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sleap_rtc.service.app import create_app
from sleap_rtc.service.examples import EXAMPLES
from sleap_rtc.service.problems import CODES

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
METHODS = {"get", "put", "post", "patch", "delete"}


def _no_lifespan(_: Any) -> Any:
    raise AssertionError("this app is never run")


DOCUMENT = create_app(_no_lifespan).openapi()
OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]


def test_the_document_in_the_reference_is_that_of_the_service() -> None:
    kept = json.loads((REFERENCE / "openapi.json").read_text("utf-8"))
    assert kept == DOCUMENT, "write it anew with `make openapi`, and look at what has changed"


def test_every_code_that_a_route_answers_with_is_explained_with_its_status() -> None:
    page = (REFERENCE / "problems.md").read_text("utf-8")
    explained = {
        (code, int(status)) for code, status in re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE)
    }
    answered = {
        (code, int(status))
        for _, operation in OPERATIONS
        for status, response in operation["responses"].items()
        for code in response.get(CODES, ())
    }
    beside_routes = {("method_not_allowed", 405), ("unexpected", 500)}
    assert explained == answered | beside_routes


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_every_refusal_is_documented_as_a_problem_with_codes(name: str, operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            assert list(response["content"]) == ["application/problem+json"]
            assert response[CODES]
    asks_for_a_token = "security" in operation
    assert ("401" in operation["responses"]) == asks_for_a_token
    assert name.startswith(
        ("GET /healthz", "GET /readyz", "GET /metrics", "GET /health", "GET /api/sign-in", "POST /anonymous")
    ) != (asks_for_a_token)


def test_every_request_has_an_example_and_no_example_is_of_none() -> None:
    schemas = {
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for _, operation in OPERATIONS
        if "requestBody" in operation
    }
    assert schemas == set(EXAMPLES)
