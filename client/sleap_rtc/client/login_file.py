"""Adapter: the logins of this user, one file for each service.

<data_dir>/logins/           0700
├── <16 of SHA-256>.json     0600, replaced as a whole; named after the address of the service
└── <16 of SHA-256>.lock     held by whoever renews the tokens

A login is used for the service that it was made for and for no other. On Windows the files lie in the user's
profile, which others cannot read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Login(BaseModel):
    """What is kept of a login.

    Attributes:
        service: the address of the service that it is for.
        issuer: who gave the tokens.
        client_id: to whom.
        token_endpoint: where they are renewed.
        revocation_endpoint: where they are given up; empty where that cannot be done.
        token: the one that the service is shown.
        renewal: what renews it; empty where it cannot be renewed.
        expires_at: when the token ends, by the clock of this machine.
        subject: whom it was made for.
        name: what people call him.
    """

    model_config = ConfigDict(frozen=True)

    v: Literal[1] = 1
    service: str
    issuer: str
    client_id: str
    token_endpoint: str
    revocation_endpoint: str = ""
    token: str = Field(repr=False)
    renewal: str = Field("", repr=False)
    expires_at: datetime
    subject: str
    name: str


class LoginFile:
    """The login at one service.

    Args:
        data_dir: of the user.
        service_url: the address of the service.
        warn: told in a sentence what people should know.
    """

    def __init__(self, data_dir: Path, service_url: str, warn: Callable[[str], None]) -> None:
        self.service = service_address(service_url)
        self._warn = warn
        self._folder = data_dir / "logins"
        name = hashlib.sha256(self.service.encode()).hexdigest()[:16]
        self.path = self._folder / f"{name}.json"
        self._lock_path = self._folder / f"{name}.lock"

    def read(self) -> Login | None:
        """Return the login, None if there is none.

        Raises:
            InputError: there is one, and it cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                self._tighten(file.fileno())
                login = Login.model_validate_json(file.read())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError):
            raise InputError(
                message=f"The login in {self.path} cannot be read. Run `sleap-rtc login` again."
            ) from None
        return login if login.service == self.service else None

    def write(self, login: Login) -> None:
        """Keep a login, for this user's eyes alone.

        Raises:
            InputError: it cannot be written.
        """
        beside = self.path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self._make_folder()
            beside.unlink(missing_ok=True)
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(login.model_dump_json())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink()
            why = error.strerror or type(error).__name__
            raise InputError(message=f"The login cannot be kept in {self._folder}: {why}.") from None

    def delete(self) -> bool:
        """Forget the login; tell whether there was one."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        return True

    @contextlib.contextmanager
    def locked(self, within_s: float) -> Iterator[None]:
        """Be the only process that changes this login. Raises TimeoutError."""
        from filelock import FileLock, Timeout

        self._make_folder()
        try:
            with FileLock(self._lock_path, timeout=within_s):
                yield
        except Timeout:
            raise TimeoutError from None

    def _make_folder(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _tighten(self, handle: int) -> None:
        if sys.platform == "win32":
            return
        if os.fstat(handle).st_mode & _OTHERS:
            self._warn(
                f"Other users of this machine could read your login in {self.path}. That is mended now; if"
                " you do not trust them, run `sleap-rtc logout` and `sleap-rtc login`."
            )
            os.fchmod(handle, stat.S_IRUSR | stat.S_IWUSR)


def service_address(url: str) -> str:
    """Return one and the same text for all ways to write the address of a service."""
    address = urlsplit(url.strip())
    scheme, host = address.scheme.lower(), (address.hostname or "").lower()
    try:
        port = address.port
    except ValueError:
        port = None
    place = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS.get(scheme):
        place = f"{place}:{port}"
    return f"{scheme}://{place}{address.path.rstrip('/')}"
