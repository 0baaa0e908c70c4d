"""Adapter: boto3 as it comes: boto3_copy.py upload|download ENDPOINT FILE BUCKET KEY."""

from __future__ import annotations

import sys

import boto3

direction, endpoint, file, bucket, key = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
if direction == "upload":
    s3.upload_file(file, bucket, key)
else:
    s3.download_file(bucket, key, file)
