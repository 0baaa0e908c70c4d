"""Adapter: our download over a presigned URL, no boto3: url_download.py URL ETAG CHECKSUM SIZE FILE."""

from __future__ import annotations

import sys
from pathlib import Path

from sleap_rtc.storage.download_engine import RemoteObject, download

url, etag, checksum, size_bytes, file = sys.argv[1:]
download(RemoteObject("The dataset", int(size_bytes), etag, checksum, lambda: url), Path(file))
