"""Pure: exit statuses by which an engine says why it ended, beyond 0 for success and 1 for all else."""

from typing import Final

CONFIG_REFUSED: Final = 3
"""A value of the configuration cannot be used."""
DIVERGED: Final = 8
"""The loss is not a number any more."""
DISK_FULL: Final = 11
"""There is no room for what the training writes."""
