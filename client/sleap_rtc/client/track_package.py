"""Adapter: packs a dataset and models into what a worker runs inference on.

    track_5f0c1a2b.zip
        track_5f0c1a2b/                 a name that no other package has: workers keep what they unpack
            track-script.sh             one `sleap-nn track` command
            data.pkg.slp
            models/0_centroid/          best.ckpt, training_config.yaml, …
            models/1_centered_instance/

The worker splits the script's lines at spaces, so names in the package have none, whatever they are here. It
sends back the first `*.predictions.slp` that it finds.
"""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

from sleap_rtc.client.track_order import ending_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SCRIPT = "track-script.sh"


def make_track_package(
    data: Path, models: Sequence[Path], target: Path, *, only_suggested_frames: bool
) -> Path:
    """Make a package.

    Args:
        data: a file of SLEAP's with its images in it.
        models: folders of trained models, in the order in which they are used.
        target: where it is to lie; its name becomes that of the folder in it.
        only_suggested_frames: whether to leave out all other frames.

    Raises:
        FileMissing: there is no such file.
        NotTrackable: it has another ending.
    """
    ending = ending_of(data)
    names = [f"{number}_{_plain(model.name)}" for number, model in enumerate(models)]
    script = _script(f"data{ending}", names, target.stem, only_suggested_frames=only_suggested_frames)
    # What is large in it is compressed already.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as packed:
        packed.writestr(f"{target.stem}/{SCRIPT}", script)
        packed.write(data, f"{target.stem}/data{ending}")
        for model, name in zip(models, names, strict=True):
            for file in sorted(path for path in model.rglob("*") if path.is_file()):
                inside = file.relative_to(model).as_posix()
                packed.write(file, f"{target.stem}/models/{name}/{inside}")
    return target


def _script(data: str, models: Sequence[str], stem: str, *, only_suggested_frames: bool) -> str:
    words = [
        f"--data_path {data}",
        *(["--only_suggested_frames"] if only_suggested_frames else []),
        *(f"--model_paths models/{name}" for name in models),
        f"-o {stem}.predictions.slp",
    ]
    return "#!/bin/bash\nsleap-nn track \\\n  " + " \\\n  ".join(words) + "\n"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[:80] or "model"
