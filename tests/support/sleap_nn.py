"""sleap-nn in an environment of its own, on a CPU; see the marker `train`."""

from __future__ import annotations

import os
import subprocess
import zipfile
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

BIN = "SLEAP_RTC_TEST_SLEAP_NN"
VERSION = "sleap-nn 0.3.5"
SMALL = {
    "trainer_config.trainer_accelerator": "cpu",
    "trainer_config.trainer_devices": "1",
    "trainer_config.visualize_preds_during_training": "false",
    "trainer_config.min_train_steps_per_epoch": "5",
    "trainer_config.train_data_loader.batch_size": "4",
    "model_config.backbone_config.unet.filters": "8",
}
"""A training that a CPU can do; everything else is as in the configuration that a lab would send."""

needs_sleap_nn = pytest.mark.skipif(
    BIN not in os.environ, reason=f"{BIN} names no environment: `make test-train`"
)


def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have sleap-nn found on PATH, as on a worker."""
    monkeypatch.setenv("PATH", f"{os.environ.get(BIN)}{os.pathsep}{os.environ['PATH']}")


def predicted(model: Path, package: Path, frame: int) -> NDArray[np.float64]:
    """Let `sleap-nn track` predict on a frame of a package; return (nodes, 2) x and y in pixels."""
    folder = model.parent / "track"
    with zipfile.ZipFile(package) as archive:
        (labels,) = [name for name in archive.namelist() if name.endswith(".pkg.slp")]
        video = archive.extract(labels, folder)
    found = folder / "found.slp"
    options = {"-i": video, "-m": model, "-o": found, "--frames": frame, "--device": "cpu"}
    said = subprocess.run(
        ["sleap-nn", "track", *(str(part) for option in options.items() for part in option)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    with h5py.File(found) as file:
        assert file["frames"]["frame_idx"][:].tolist() == [frame]
        points = file["pred_points"][:]
    return np.stack([points["x"], points["y"]], axis=1)
