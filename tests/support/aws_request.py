"""Pure: which action of IAM a request to S3, SQS, SNS or another service of AWS is, and on what.

After the Service Authorization Reference (https://docs.aws.amazon.com/service-authorization/), as of November
2026. Buckets are addressed by path.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from support.iam_policy import Asked

if TYPE_CHECKING:
    from collections.abc import Mapping

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d+/([^/]+)/([a-z0-9-]+)/aws4_request")
_OF_BUCKETS = {
    "policy": "BucketPolicy",
    "lifecycle": "LifecycleConfiguration",
    "notification": "BucketNotification",
    "versioning": "BucketVersioning",
    "acl": "BucketAcl",
    "encryption": "EncryptionConfiguration",
    "cors": "BucketCORS",
    "publicAccessBlock": "BucketPublicAccessBlock",
}
# One permission for a call and for its batch.
_BATCH = "Batch"


@dataclass(frozen=True)
class HttpRequest:
    """What a client of AWS sends; the names of headers in small letters."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Signed:
    """Who signed a request, and for which service."""

    access_key: str
    region: str
    service: str


def signed(request: HttpRequest) -> Signed | None:
    """Return who signed a request, in its headers or in its URL; None if nobody did."""
    query = dict(parse_qsl(urlsplit(request.target).query))
    in_url = f"Credential={query['X-Amz-Credential']}" if "X-Amz-Credential" in query else ""
    found = _CREDENTIAL.search(request.headers.get("authorization", "") or in_url)
    return Signed(*found.groups()) if found else None


def asked(request: HttpRequest, by: Signed, account_id: str) -> list[Asked]:
    """Return what a request needs, all of it."""
    place = f"{by.region}:{account_id}"
    match by.service:
        case "s3":
            return _of_s3(request)
        case "sqs":
            return [_of_sqs(request, place)]
        case "sns":
            return [_of_sns(request, place)]
    form = dict(parse_qsl(request.body.decode()))
    action = form.get("Action") or request.headers.get("x-amz-target", "").rpartition(".")[2]
    return [Asked(f"{by.service}:{action}", "*")]


def looks_for(request: HttpRequest) -> Asked | None:
    """Return what one has to be allowed to be told that an object is not there (404), and not 403.

    S3 asks for ListBucket then, with the key as the prefix
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, Permissions).
    """
    bucket, key = _place(request)
    query = parse_qs(urlsplit(request.target).query, keep_blank_values=True)
    if not key or request.method not in {"GET", "HEAD"} or "uploadId" in query:
        return None
    return Asked("s3:ListBucket", f"arn:aws:s3:::{bucket}", (("s3:prefix", key),))


def _place(request: HttpRequest) -> tuple[str, str]:
    bucket, _, key = unquote(urlsplit(request.target).path).removeprefix("/").partition("/")
    return bucket, key


def _of_s3(request: HttpRequest) -> list[Asked]:
    bucket, key = _place(request)
    query = dict(parse_qsl(urlsplit(request.target).query, keep_blank_values=True))
    if not bucket:
        return [Asked("s3:ListAllMyBuckets", "*")]
    if not key:
        return [_of_bucket(request.method, f"arn:aws:s3:::{bucket}", query)]
    needed = [Asked(f"s3:{_of_object(request.method, query)}", f"arn:aws:s3:::{bucket}/{key}")]
    if source := request.headers.get("x-amz-copy-source"):
        needed.append(Asked("s3:GetObject", f"arn:aws:s3:::{unquote(source).removeprefix('/')}"))
    return needed


def _of_bucket(method: str, arn: str, query: Mapping[str, str]) -> Asked:
    for part, name in _OF_BUCKETS.items():
        if part in query:
            return Asked(f"s3:{'Get' if method == 'GET' else 'Put'}{name}", arn)
    if "uploads" in query:
        return Asked("s3:ListBucketMultipartUploads", arn)
    if "versions" in query:
        return Asked("s3:ListBucketVersions", arn)
    if method in {"GET", "HEAD"}:
        context = (("s3:prefix", query["prefix"]),) if "prefix" in query else ()
        return Asked("s3:ListBucket", arn, context)
    # Of many objects at once; not allowed to anybody here, since each of them would have to be looked at.
    return Asked({"PUT": "s3:CreateBucket", "DELETE": "s3:DeleteBucket"}.get(method, "s3:DeleteObjects"), arn)


def _of_object(method: str, query: Mapping[str, str]) -> str:
    version = "Version" if "versionId" in query else ""
    if "uploadId" in query and method in {"GET", "DELETE"}:
        return "ListMultipartUploadParts" if method == "GET" else "AbortMultipartUpload"
    if "tagging" in query:
        return f"{method.title()}Object{version}Tagging"
    reads = f"GetObject{version}"
    return {"GET": reads, "HEAD": reads, "DELETE": f"DeleteObject{version}"}.get(method, "PutObject")


def _of_sqs(request: HttpRequest, place: str) -> Asked:
    action = request.headers["x-amz-target"].rpartition(".")[2].removesuffix(_BATCH)
    told = json.loads(request.body or b"{}")
    name = told.get("QueueName") or str(told.get("QueueUrl", "")).rpartition("/")[2]
    return Asked(f"sqs:{action}", f"arn:aws:sqs:{place}:{name}" if name else "*")


def _of_sns(request: HttpRequest, place: str) -> Asked:
    form = dict(parse_qsl(request.body.decode()))
    arn = form.get("TopicArn") or (f"arn:aws:sns:{place}:{form['Name']}" if "Name" in form else "*")
    return Asked(f"sns:{form['Action'].removesuffix(_BATCH)}", arn)
