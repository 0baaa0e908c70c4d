"""Pure: what can go wrong with the models of this machine, and how the process then exits.

What the existing tool documents as a KeyError or a ValueError is one here too.

    RegistryError                  3
    ├── ModelNotFoundError         4  a KeyError
    ├── InvalidModelError          3  a ValueError
    ├── InvalidAliasError          3  a ValueError
    ├── ModelFilesKeptError        3
    ├── RegistryVersionError       3
    ├── RegistryBusyError          3
    ├── RegistryUnreadableError    3
    └── RegistryUnwritableError    3
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage.errors import ExitCode, SleapRtcError

if TYPE_CHECKING:
    from pathlib import Path


class RegistryError(SleapRtcError):
    """The model registry could not do what it was asked to."""

    exit_code = ExitCode.BAD_INPUT

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would put quotes around it


class ModelNotFoundError(RegistryError, KeyError):
    """There is no model {model_id} in the registry. List the models to see the ids and aliases that are."""

    exit_code = ExitCode.NOT_FOUND
    model_id: str


class InvalidModelError(RegistryError, ValueError):
    """The registry cannot hold this model: {reason}."""

    reason: str


class InvalidAliasError(RegistryError, ValueError):
    """Alias {alias!r} cannot be used: {reason}."""

    alias: object
    reason: str


class ModelFilesKeptError(RegistryError):
    """The files of model {model_id} at {path} were not deleted: {reason}. The registry is unchanged. Delete
    the files yourself, or delete the model without its files."""

    model_id: str
    path: str
    reason: str


class RegistryVersionError(RegistryError):
    """{path} has version {version} and this program writes 1.0, so it was left as it is. A newer program
    wrote it: update this one, or use the newer one to change the registry."""

    path: Path
    version: object


class RegistryBusyError(RegistryError):
    """{path} was in use by another program for {waited_s:g} s; nothing was changed. Try again."""

    path: Path
    waited_s: float


class RegistryUnreadableError(RegistryError):
    """{path} could not be read: {reason}. Check its permissions and those of its directory."""

    path: Path
    reason: str


class RegistryUnwritableError(RegistryError):
    """{path} could not be written: {reason}. What it held before is intact. Check its permissions, those of
    its directory, and the free space."""

    path: Path
    reason: str
