"""Pure: the tables of a SLEAP file (HDF5), as sleap-io lays them out, and the format that they are of."""

from typing import Final

import numpy as np

SLP_FORMAT: Final = 1.4
"""What sleap-io writes for plain labels with embedded frames; places count from the centre of a pixel."""
FRAME: Final = np.dtype(
    [
        ("frame_id", "u8"),
        ("video", "u4"),
        ("frame_idx", "u8"),
        ("instance_id_start", "u8"),
        ("instance_id_end", "u8"),
    ]
)
INSTANCE: Final = np.dtype(
    [
        ("instance_id", "i8"),
        ("instance_type", "u1"),
        ("frame_id", "u8"),
        ("skeleton", "u4"),
        ("track", "i4"),
        ("from_predicted", "i8"),
        ("score", "f4"),
        ("point_id_start", "u8"),
        ("point_id_end", "u8"),
        ("tracking_score", "f4"),
    ]
)
POINT: Final = np.dtype([("x", "f8"), ("y", "f8"), ("visible", "?"), ("complete", "?")])
PREDICTED_POINT: Final = np.dtype([*POINT.descr, ("score", "f8")])
