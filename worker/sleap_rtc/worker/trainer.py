"""Pure: the port to a training engine, and the command lines of the two that exist.

Both take sleap-nn's command line and speak its ZMQ messages, so one adapter runs either.
"""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sleap_rtc.worker.errors import TrainerMissing

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from sleap_rtc.worker.package import TrainingPackage
    from sleap_rtc.worker.training_commands import TrainingCommands
    from sleap_rtc.worker.training_events import OnEvent

TrainerName = Literal["reference", "sleap-nn"]
_RUNNER = Path(__file__).parent / "sleap_nn_runner"
_HEAD_BYTES = 4096
_LONG_SHEBANG = re.compile(r"""^'''exec' "?(.+?)"? "\$0" """)
TITLES: Mapping[TrainerName, str] = {"reference": "reference trainer", "sleap-nn": "sleap-nn"}


@dataclass(frozen=True)
class TrainingResult:
    """What training left: a folder with the model's files, one row of metrics per epoch, and what the engine
    tells of the versions that it ran with.

    `stopped` says that a command ended it before its time, so that the model is a partial one.
    """

    folder: Path
    epochs: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)
    software: Mapping[str, Any] = field(default_factory=dict)
    stopped: bool = False


class Trainer(Protocol):
    """Trains one package."""

    title: str

    def train(
        self,
        package: TrainingPackage,
        overrides: Mapping[str, str],
        on_line: Callable[[str], None],
        stop: threading.Event,
        *,
        on_event: OnEvent = lambda _: None,
        commands: TrainingCommands | None = None,
        on_message: Callable[[str], None] = lambda _: None,
    ) -> TrainingResult:
        """Train until it is done, or until `stop` is set, which ends the engine at once, a paused one too.

        Args:
            package: what to train on.
            overrides: options such as `trainer_config.max_epochs`.
            on_line: called for each line of output.
            stop: set when the job is not ours any more.
            on_event: told what happens, from the calling thread; what it raises is logged and ends nothing.
            commands: what the engine is told while it runs. It is closed when the training is over.
            on_message: given each message of the engine as it came, for whoever understands it himself.

        Raises:
            TrainerMissing: the engine is not installed here.
            JobFailed: it ended without a model; which kind of it says why.
        """


def command(name: TrainerName) -> list[str]:
    """Return what starts a training.

    Raises:
        TrainerMissing: the engine is not installed here.
    """
    program = _program(name)
    python = python_of(Path(program[0])) if name == "sleap-nn" else None
    # Without its Python there is no way to reach into sleap-nn: it runs as it is.
    started_by = [str(python), str(_RUNNER)] if python else []
    return [*started_by, *program, "train"]


def track_command(name: TrainerName = "sleap-nn") -> list[str]:
    """Return what starts an inference.

    Raises:
        TrainerMissing: the engine is not installed here.
    """
    return [*_program(name), "track"]


def _program(name: TrainerName) -> list[str]:
    if name == "reference":
        if not all(find_spec(module) for module in ("numpy", "h5py", "PIL")):
            raise TrainerMissing(trainer="reference (extra: train)")
        return [sys.executable, "-m", "sleap_rtc.worker.reference_trainer"]
    found = shutil.which("sleap-nn")
    if found is None:
        raise TrainerMissing(trainer="sleap-nn")
    return [found]


def python_of(script: Path) -> Path | None:
    """Return the Python that a console script runs on; None where the script does not tell.

    The first line names it, or `/bin/sh` where its path is long or has spaces; then it is in the second one.
    """
    try:
        with script.open("rb") as file:
            head = file.read(_HEAD_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    if not head or not head[0].startswith("#!"):
        return None
    long = _LONG_SHEBANG.match(head[1]) if len(head) > 1 else None
    python = Path(long.group(1) if long else head[0].removeprefix("#!").strip())
    return python if "python" in python.name and python.is_file() else None
