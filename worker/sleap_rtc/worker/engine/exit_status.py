"""Pure: exit statuses by which an engine says why it ended, beyond 0 for success and 1 for all else."""

from typing import Final

CONFIG_REFUSED: Final = 3
"""A value of the configuration cannot be used."""
PACKAGE_UNREADABLE: Final = 5
"""The dataset is no SLEAP file, or damaged."""
NO_IMAGES: Final = 6
"""The dataset has labels, and no images that go with them."""
DIVERGED: Final = 8
"""The loss is not a number any more."""
CHECKPOINT_UNREADABLE: Final = 9
"""The model is not one of this engine, or damaged."""
DISK_FULL: Final = 11
"""There is no room for what the training writes."""
NO_FRAMES: Final = 12
"""The dataset has none of the frames that poses are to be predicted for."""
SKELETON_DIFFERS: Final = 13
"""The model's nodes are not those of the dataset."""
MODEL_UNSUITABLE: Final = 14
"""The models are of kinds that this engine finds no poses with."""
OPTION_REFUSED: Final = 15
"""An option of an inference cannot be followed by this engine."""
