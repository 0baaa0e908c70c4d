"""Pure: what an error of sleap-nn means to whoever started it."""

from __future__ import annotations

import traceback
from typing import Final

from sleap_rtc.worker.engine.exit_status import CONFIG_REFUSED, DIVERGED

_CONFIG_LIBRARIES: Final = ("omegaconf.", "hydra.")
_CONFIG_ERRORS: Final = ("MisconfigurationException",)
"""Lightning's, of values that sleap-nn hands on."""
_CONFIG_CODE: Final = ("/sleap_nn/config/", "/hydra/", "/omegaconf/")
_LONGEST: Final = 400


class Diverged(Exception):
    """The loss is no number any more; the message says where."""


def exit_status_of(error: BaseException) -> tuple[int, str]:
    """Return the exit status for an error, and a last line for the log that tells a person what it was."""
    words = " ".join(str(error).split())[:_LONGEST] or type(error).__name__
    if isinstance(error, Diverged):
        return DIVERGED, words
    if _is_of_the_configuration(error):
        return CONFIG_REFUSED, f"sleap-nn refuses the configuration: {words}"
    return 1, f"{type(error).__name__}: {words}"


def _is_of_the_configuration(error: BaseException) -> bool:
    kind = type(error)
    if kind.__module__.startswith(_CONFIG_LIBRARIES) or kind.__name__ in _CONFIG_ERRORS:
        return True
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, OSError | MemoryError) or not frames:
        return False
    raised_in = frames[-1].filename.replace("\\", "/")
    return any(part in raised_in for part in _CONFIG_CODE)
