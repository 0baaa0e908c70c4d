"""Adapter: a multipart upload over so many connections: fixed_upload.py COUNT FILE ENDPOINT BUCKET KEY.

The plainest loop that one would write: parts of 8 MiB, presigned, COUNT threads. A part that was answered
with an error is sent again after up to half a second.
"""

from __future__ import annotations

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import urllib3

PART_BYTES = 8 * 1024 * 1024
MOST_ATTEMPTS = 100

count, file, endpoint, bucket, key = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
upload_id = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
parts = range(1, -(-Path(file).stat().st_size // PART_BYTES) + 1)
urls = {
    part: s3.generate_presigned_url(
        "upload_part", Params={"Bucket": bucket, "Key": key, "UploadId": upload_id, "PartNumber": part}
    )
    for part in parts
}
pool = urllib3.PoolManager(maxsize=int(count), retries=False)


def send(part: int) -> str:
    """Send one part and return its ETag."""
    with Path(file).open("rb") as source:
        source.seek((part - 1) * PART_BYTES)
        body = source.read(PART_BYTES)
    for _ in range(MOST_ATTEMPTS):
        try:
            reply = pool.request("PUT", urls[part], body=body)
        except urllib3.exceptions.HTTPError:
            reply = None
        if reply is not None and reply.status == 200:  # noqa: PLR2004
            return reply.headers["ETag"]
        time.sleep(random.random() / 2)
    raise SystemExit(f"part {part} was refused {MOST_ATTEMPTS} times")


with ThreadPoolExecutor(int(count)) as threads:
    etags = list(threads.map(send, parts))
s3.complete_multipart_upload(
    Bucket=bucket,
    Key=key,
    UploadId=upload_id,
    MultipartUpload={"Parts": [{"PartNumber": p, "ETag": e} for p, e in zip(parts, etags, strict=True)]},
)
