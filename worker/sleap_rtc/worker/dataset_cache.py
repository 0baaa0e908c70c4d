"""Orchestration: opens the cache of datasets where the settings, or else the kind of worker, say."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.storage.blob_cache import BlobCache
from sleap_rtc.worker.kind import cache_folder, worker_kind

if TYPE_CHECKING:
    from sleap_rtc.settings import Settings


def dataset_cache(settings: Settings) -> BlobCache:
    """Return the cache that this machine's workers share."""
    kind = worker_kind(os.environ, settings.worker_kind)
    folder = settings.cache_dir or cache_folder(kind, settings.data_dir, Path(tempfile.gettempdir()))
    return BlobCache(folder, settings.cache_budget_bytes, settings.cache_free_floor_bytes)
