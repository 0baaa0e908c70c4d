"""Adapter: the ids that the existing tool gave to models.

Its client takes the start of an MD5 of the training configuration, its worker that of a SHA-256 over a few
settings, with ``-2``, ``-3`` … where two met. Neither tells anything of the weights: two trainings with one
configuration share an id, so one such id may mean several of a room's models.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MODEL_ID = re.compile(r"[0-9a-f]{8}(-([2-9]|[1-9][0-9]{1,5}))?|[0-9a-f]{8,64}")


def is_model_id(text: str) -> bool:
    """Tell whether a text can be a model's id: 8 to 64 hexadecimal digits, or 8 and ``-2`` or higher."""
    return _MODEL_ID.fullmatch(text) is not None


def legacy_client_id(folder: Path) -> str | None:
    """Return the id that the existing client gives to the model in a folder, None without a configuration.

    The existing client makes a random id there.
    """
    from sleap_rtc.storage.model_folder import config_of

    config = config_of(folder)
    if config is None:
        return None
    return hashlib.md5(config.read_bytes(), usedforsecurity=False).hexdigest()[:8]
