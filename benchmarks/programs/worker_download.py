"""Adapter: S3Downloader with a worker's own credentials: worker_download.py ENDPOINT BUCKET DATASET FILE."""

from __future__ import annotations

import sys
from pathlib import Path

from sleap_rtc.events.jobs import DatasetRef
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore
from sleap_rtc.storage.s3_transfers import S3Transfers
from sleap_rtc.worker.downloader import S3Downloader
from sleap_rtc.worker.s3_datasets import S3Datasets

endpoint, bucket, dataset, file = sys.argv[1:]
s3 = s3_client("us-east-1", endpoint)
downloader = S3Downloader(S3Datasets(S3ObjectStore(s3, bucket), S3Transfers(s3, bucket)))
downloader.download(DatasetRef.model_validate_json(dataset), Path(file))
