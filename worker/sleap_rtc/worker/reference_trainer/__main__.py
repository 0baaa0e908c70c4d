"""Orchestration: the command line, in sleap-nn's grammar, so that one worker starts either trainer.

    python -m sleap_rtc.worker.reference_trainer train --config-name FILE \\
        --config-dir FOLDER [section.name=value ...]
    python -m sleap_rtc.worker.reference_trainer track --data_path FILE --model_paths FOLDER -o FILE

Exit codes are listed in ``errors.py``.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sleap_rtc.worker.reference_trainer import TRAINER_NAME, TRAINER_VERSION
from sleap_rtc.worker.reference_trainer.config import load_config
from sleap_rtc.worker.reference_trainer.errors import TrainerError

INTERRUPTED = 130


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}",
        description=f"The {TRAINER_NAME} {TRAINER_VERSION}: trains a small pose model on a SLEAP package."
        " `track` in the place of `train` predicts poses; `track --help` says how.",
    )
    parser.add_argument("command", choices=["train"])
    parser.add_argument("-c", "--config-name", required=True, help="config file; .yaml may be left out")
    parser.add_argument("-d", "--config-dir", type=Path, default=Path(), help="folder of the config file")
    parser.add_argument("overrides", nargs="*", metavar="section.name=value", help="replaces a config value")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns the exit code; errors are one line on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["track"]:
        return _track(arguments[1:])
    options = _parser().parse_intermixed_args(arguments)
    from sleap_rtc.worker.engine.progress import ZmqProgress
    from sleap_rtc.worker.reference_trainer.training import train

    try:
        config = load_config(options.config_dir, options.config_name, options.overrides)
        with ZmqProgress(
            config.run_name, publish_port=config.publish_port, controller_port=config.controller_port
        ) as progress:
            result = train(config, progress=progress, log=_say, clock=time.monotonic)
    except TrainerError as error:
        sys.stderr.write(f"{TRAINER_NAME}: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write(f"{TRAINER_NAME}: interrupted\n")
        return INTERRUPTED
    _say(
        f"{TRAINER_NAME}: {'stopped' if result.stopped else 'finished'} after {result.epochs} epochs,"
        f" error {result.val_error_px:.2f} px, model in {config.run_dir / 'best.ckpt'}"
    )
    return 0


def _track(arguments: Sequence[str]) -> int:
    from sleap_rtc.worker.reference_trainer.track_options import read_track_options
    from sleap_rtc.worker.reference_trainer.tracking import track

    try:
        order = read_track_options(f"python -m {__package__}", arguments)
        frames = track(order, _say)
    except TrainerError as error:
        sys.stderr.write(f"{TRAINER_NAME}: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write(f"{TRAINER_NAME}: interrupted\n")
        return INTERRUPTED
    _say(f"{TRAINER_NAME}: poses in {frames} frames, predictions in {order.output}")
    return 0


if __name__ == "__main__":
    # Before numpy is loaded: matrices this small gain nothing from threads, and one thread always adds up in
    # the same order.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    sys.exit(main())
