"""Adapter: runs a program and notes the modules it loaded: trace_imports.py OUT -m MODULE|FILE ARGUMENTS."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

out, first, *rest = sys.argv[1:]
try:
    if first == "-m":
        module, *rest = rest
        sys.argv = [module, *rest]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")
finally:
    Path(out).write_text(json.dumps([name for name in sys.modules if name != "__main__"]))
