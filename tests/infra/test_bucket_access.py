"""Who gets at the objects: the modules' bucket policies, asked as IAM asks them.

The policies only deny. What they do not deny is up to the policy of the role that signed the request.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.hcl import Module
from support.terraform_modules import INPUTS, ROLES

from sleap_rtc.storage.s3_transfers import URL_LIFETIME_S

if TYPE_CHECKING:
    from collections.abc import Callable

STORAGE = Path(__file__).parents[2] / "infra/terraform/modules/storage"
SERVICE, WORKER = f"{ROLES}/sleap-rtc-test-service", f"{ROLES}/sleap-rtc-test-runai-worker"
ADMIN = f"{ROLES}/admin"
HEADERS, URL, FORM = "REST-HEADER", "REST-QUERY-STRING", "POST"
TLS = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}

# How it compares, and what it says of a key that the request has not (IAM User Guide, "Condition operators":
# negated ones match it).
TESTS: dict[str, tuple[Callable[[Any, list[Any]], bool], bool]] = {
    "Bool": (lambda has, values: has in values, False),
    "NumericLessThan": (lambda has, values: any(float(has) < float(value) for value in values), False),
    "NumericGreaterThan": (lambda has, values: any(float(has) > float(value) for value in values), False),
    "StringNotEquals": (lambda has, values: has not in values, True),
    "ArnNotEquals": (lambda has, values: has not in values, True),
}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def applies(statement: dict[str, Any], resource: str, request: dict[str, Any]) -> bool:
    def holds(test: str, key: str, values: Any) -> bool:
        compare, of_missing = TESTS[test]
        return compare(request[key], listed(values)) if key in request else of_missing

    return any(fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"])) and all(
        holds(test, key, values)
        for test, pairs in statement["Condition"].items()
        for key, values in pairs.items()
    )


def denied(label: str, below: str, request: dict[str, Any]) -> set[str]:
    """Return the statements that deny a request, by their names."""
    module = Module(STORAGE, {**INPUTS, "trusted_role_arns": [SERVICE, WORKER]})
    policy = json.loads(module.resource("aws_s3_bucket_policy", label)["policy"])
    assert {statement["Effect"] for statement in policy["Statement"]} == {"Deny"}
    assert {(statement["Action"], statement["Principal"]) for statement in policy["Statement"]} == {
        ("s3:*", "*")
    }
    resource = f"arn:aws:s3:::lab-{label}{below}"
    return {statement["Sid"] for statement in policy["Statement"] if applies(statement, resource, request)}


def signed(by: str, how: str, age_s: float | None = None) -> dict[str, Any]:
    age = {} if age_s is None else {"s3:signatureAge": str(round(age_s * 1000))}
    return {**TLS, "aws:PrincipalArn": by, "s3:authType": how, **age}


@pytest.mark.parametrize("bucket", ["uploads", "rooms"])
@pytest.mark.parametrize(
    ("what", "request_", "why"),
    [
        ("the service signs headers", signed(SERVICE, HEADERS), set()),
        ("a worker with a role signs headers", signed(WORKER, HEADERS), set()),
        ("somebody has a fresh URL", signed(SERVICE, URL, 1), set()),
        ("somebody uses a URL in its last second", signed(SERVICE, URL, URL_LIFETIME_S - 1), set()),
        ("a URL that was signed for a week", signed(SERVICE, URL, 2 * URL_LIFETIME_S), {"NoOldUrls"}),
        ("an administrator signs headers", signed(ADMIN, HEADERS), {"OnlyPresigned"}),
        ("a form that somebody else signed", signed(ADMIN, FORM), {"OnlyPresigned"}),
        ("nobody signs", dict(TLS), {"OnlyPresigned"}),
        ("a URL without TLS", {**signed(SERVICE, URL, 1), "aws:SecureTransport": "false"}, {"TlsOnly"}),
        ("a URL with an old TLS", {**signed(SERVICE, URL, 1), "s3:TlsVersion": "1.1"}, {"NoOldTls"}),
    ],
)
def test_objects_are_for_trusted_roles_and_fresh_urls(
    bucket: str, what: str, request_: dict[str, Any], why: set[str]
) -> None:
    assert denied(bucket, "/uploads/room/upload/data", request_) == why, what


def test_an_administrator_can_still_look_after_a_bucket() -> None:
    assert denied("rooms", "", signed(ADMIN, HEADERS)) == set()
