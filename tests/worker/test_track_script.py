"""What a package for inference asks for: read, never run, and nothing that lies elsewhere."""

from __future__ import annotations

import pytest

from sleap_rtc.worker.errors import PackageRefused
from sleap_rtc.worker.track_script import read_track_script

EXISTING = """#!/bin/bash
# Auto-generated inference script for sleap-nn track

sleap-nn track \\
  --data_path labels.slp \\
  --only_suggested_frames \\
  --model_paths models/centroid \\
  --model_paths "models/centered instance" \\
  -o predictions.slp
"""


def test_the_existing_clients_script_is_read() -> None:
    (command,) = read_track_script(EXISTING)
    assert command.arguments == (
        "--data_path",
        "labels.slp",
        "--only_suggested_frames",
        "--model_paths",
        "models/centroid",
        "--model_paths",
        "models/centered instance",
        "-o",
        "predictions.slp",
    )
    assert command.output == "predictions.slp"


@pytest.mark.parametrize(
    ("line", "output"),
    [("-i x.slp", ""), ("-o=a.slp", "a.slp"), ("--output_path b.slp -i x", "b.slp"), ("-i x -o", "")],
)
def test_where_it_writes_is_told(line: str, output: str) -> None:
    assert read_track_script(f"sleap-nn track {line}\n")[0].output == output


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("", "has no sleap-nn track"),
        ("rm -rf /\nsleap-nn train --config-name x", "has no sleap-nn track"),
        ("sleap-nn track -i '", "cannot be read"),
        ("sleap-nn track -i /etc/passwd", "not in the package"),
        ("sleap-nn track -i x -o ../../x.slp", "not in the package"),
        ("sleap-nn track --data_path=/etc/passwd", "not in the package"),
        ("sleap-nn track -i ~/x.slp", "not in the package"),
        ("sleap-nn track -i C:\\\\x.slp", "not in the package"),
        ("sleap-nn track -i a\\\\..\\\\..\\\\x.slp", "not in the package"),
    ],
)
def test_what_cannot_be_run_is_refused(script: str, why: str) -> None:
    with pytest.raises(PackageRefused, match=why):
        read_track_script(script)
