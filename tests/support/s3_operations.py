"""What a request to S3 is called, by its line alone."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit


def operation_of(line: str) -> str:
    """Return S3's own name for a request to an object, or for a list of them; empty for one of a bucket's.

    Args:
        line: `METHOD path?query range`, as the proxy notes it.
    """
    method, target = line.split(" ")[:2]
    place = urlsplit(target)
    asks = parse_qs(place.query, keep_blank_values=True)
    of_object = "/" in place.path.strip("/")
    if not of_object:
        listed = {"list-type": "ListObjectsV2", "uploads": "ListMultipartUploads"}
        return next((name for asked, name in listed.items() if method == "GET" and asked in asks), "")
    multipart = {
        "PUT": "UploadPart",
        "GET": "ListParts",
        "DELETE": "AbortMultipartUpload",
        "POST": "CompleteMultipartUpload",
    }
    whole = {"PUT": "PutObject", "GET": "GetObject", "DELETE": "DeleteObject", "HEAD": "HeadObject"}
    if method == "POST" and "uploads" in asks:
        return "CreateMultipartUpload"
    return (multipart if "uploadId" in asks else whole).get(method, "")
