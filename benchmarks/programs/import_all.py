"""Adapter: loads the modules that another program was seen to load, and ends: import_all.py LIST."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from importlib import import_module

with open(sys.argv[1]) as listed:  # noqa: PTH123 - pathlib is on the list or is not
    for name in json.load(listed):
        with suppress(ImportError):  # such as modules that a package made up while it ran
            import_module(name)
