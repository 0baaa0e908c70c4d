"""Adapter: which versions an engine ran with, as far as that can be told from outside.

What it wrote down itself (`software.json` in the run's folder) is the best there is. sleap-nn writes its own
version into the configuration that it leaves; what stands beside it can be told where it runs on this very
Python.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sleap_rtc.storage.model_folder import config_of, read_config, read_table
from sleap_rtc.storage.training_config import trainer_of
from sleap_rtc.worker.machine import installed

SOFTWARE = "software.json"
_BESIDE = ("torch", "lightning", "numpy", "sleap-io")


def engine_software(folder: Path, executable: str) -> dict[str, object]:
    """Return versions by name.

    Args:
        folder: what the run left.
        executable: the program that ran.
    """
    written = read_table(folder, SOFTWARE)
    if written:
        return written
    config = config_of(folder)
    name, version = trainer_of(read_config(config)) if config else ("", "")
    told: dict[str, object] = {"trainer": f"{name} {version}".strip()} if name else {}
    here = Path(executable).parent == Path(sys.executable).parent
    return {**(installed(_BESIDE) if here else {}), **told}
