"""Adapter: boto3[crt]: crt_copy.py upload|download ENDPOINT FILE BUCKET KEY.

boto3's own switch to the CRT client offers no way to name a CA, so the same manager is built here as boto3
builds it, plus the CA of AWS_CA_BUNDLE.
"""

from __future__ import annotations

import os
import sys

import botocore.session
from s3transfer.crt import (  # type: ignore[import-untyped, unused-ignore]
    BotocoreCRTCredentialsWrapper,
    BotocoreCRTRequestSerializer,
    CRTTransferManager,
    create_s3_crt_client,
)

direction, endpoint, file, bucket, key = sys.argv[1:]
session = botocore.session.get_session()
tls = endpoint.startswith("https:")
client = create_s3_crt_client(
    "us-east-1",
    BotocoreCRTCredentialsWrapper(session.get_credentials()).to_crt_credentials_provider(),
    use_ssl=tls,
    verify=os.environ.get("AWS_CA_BUNDLE") if tls else None,
)
serializer = BotocoreCRTRequestSerializer(session, {"region_name": "us-east-1", "endpoint_url": endpoint})
with CRTTransferManager(client, serializer) as manager:
    if direction == "upload":
        manager.upload(file, bucket, key).result()
    else:
        manager.download(bucket, key, file).result()
