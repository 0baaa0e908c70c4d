"""Pure: the command line of an inference, in sleap-nn's grammar.

python -m sleap_rtc.worker.reference_trainer track --data_path FILE --model_paths FOLDER -o FILE
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sleap_rtc.worker.reference_trainer.errors import OptionRefused
from sleap_rtc.worker.reference_trainer.tracking import TrackOrder


def read_track_options(program: str, arguments: Sequence[str]) -> TrackOrder:
    """Reads what follows ``track``; a wrong command line ends the process with 2.

    Raises:
        OptionRefused: An option that sleap-nn has and this engine cannot follow.
    """
    parser = argparse.ArgumentParser(prog=f"{program} track", description="Predicts poses.")
    parser.add_argument("-i", "--data_path", type=Path, required=True, help="a SLEAP package")
    parser.add_argument("-m", "--model_paths", type=Path, action="append", required=True, help="a folder")
    parser.add_argument("-o", "--output_path", type=Path, help="DATA.predictions.slp without it")
    selection = parser.add_mutually_exclusive_group()
    for which in ("suggested", "labeled"):
        selection.add_argument(
            f"--only_{which}_frames", dest="which", action="store_const", const=which, default="all"
        )
    parser.add_argument("--peak_threshold", type=float, default=0.0, help="leaves nodes out, 0 to 1")
    parser.add_argument("-b", "--batch_size", type=int, help="accepted: it is always one frame at a time")
    parser.add_argument("-n", "--max_instances", type=int, help="accepted: one animal is found in a frame")
    parser.add_argument("-t", "--tracking", action="store_true", help="refused")
    parser.add_argument("--tracking_window_size", type=int, help="refused")
    given = parser.parse_args(arguments)
    if given.tracking or given.tracking_window_size is not None:
        raise OptionRefused("--tracking", "this engine finds one animal in each frame and tells none apart")
    output = given.output_path or given.data_path.with_name(f"{given.data_path.name}.predictions.slp")
    return TrackOrder(given.data_path, tuple(given.model_paths), output, given.which, given.peak_threshold)
