"""Orchestration: puts our callback into sleap-nn's training, then runs sleap-nn's own command.

Where the callback finds no place, because it is another sleap-nn than we know, sleap-nn runs as it is, says
nothing of abilities, and is treated as one that has none.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE = Path(__file__).resolve().parent


def _find_ourselves() -> None:
    """Make what lies beside this folder importable, whatever the environment has installed."""
    for name, folder in (("sleap_rtc", _HERE.parents[1]), ("sleap_rtc.worker", _HERE.parent)):
        module = ModuleType(name)
        module.__path__ = [str(folder)]
        sys.modules[name] = module


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _end_at_once(*_: object) -> None:
    # Lightning would go on to the end of the batch, which in a pause never comes.
    os._exit(128 + signal.SIGTERM)


def _hook(arguments: Sequence[str]) -> None:
    try:
        from sleap_rtc.worker.sleap_nn_runner.hook import install

        install(arguments, f"sleap-nn {version('sleap-nn')}")
    except Exception as error:
        _say(f"sleap-rtc: this sleap-nn takes no commands but stop ({type(error).__name__}: {error})")


def main(script: str, arguments: Sequence[str]) -> int:
    """Run the command; return its exit status."""
    from sleap_rtc.worker.sleap_nn_runner.failure import exit_status_of

    signal.signal(signal.SIGTERM, _end_at_once)
    _hook(arguments)
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).parent)  # as if it had been started itself; our modules have common names
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:
        status, words = exit_status_of(error)
        if status == 1:
            traceback.print_exc()
        _say(words)
        return status
    return 0


if __name__ == "__main__":
    _find_ourselves()
    sys.exit(main(sys.argv[1], sys.argv[2:]))
