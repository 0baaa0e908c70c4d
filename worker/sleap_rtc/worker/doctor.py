"""Adapter: looks at this machine and at the service, and changes nothing at either."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.events.room_api import RoomView
from sleap_rtc.events.service_http import ServiceHttp
from sleap_rtc.storage.errors import ExitCode, Refused, SleapRtcError
from sleap_rtc.worker import checkup
from sleap_rtc.worker.gpus import VISIBLE
from sleap_rtc.worker.kind import cache_folder, worker_kind
from sleap_rtc.worker.machine import gpus_of_machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sleap_rtc.settings import Settings
    from sleap_rtc.worker.checkup import Finding

_VERSION_WITHIN_S = 20
_ASK_VERSION = "from importlib.metadata import version; print(version('sleap-nn'))"


def examine(settings: Settings) -> list[Finding]:
    """Return what there is to say of this machine as a worker."""
    return [
        checkup.of_kind(os.environ, settings.worker_kind),
        checkup.of_trainers(trainers()),
        checkup.of_gpu(gpus_of_machine(), os.environ.get(VISIBLE), settings.gpu),
        *_access(settings),
        *_disks(settings),
    ]


def trainers() -> dict[str, str]:
    """Return the versions of the trainers that are here, by their names; "" where one does not say."""
    found = {}
    program = shutil.which("sleap-nn")
    if program is not None:
        found["sleap-nn"] = _sleap_nn_version(Path(program))
    if all(find_spec(module) for module in ("numpy", "h5py", "PIL", "yaml", "zmq")):
        from sleap_rtc.worker.reference_trainer import TRAINER_VERSION

        found["reference trainer"] = TRAINER_VERSION
    return found


def _sleap_nn_version(program: Path) -> str:
    """Ask the Python beside it, which answers at once; sleap-nn itself loads PyTorch before it does."""
    python = program.parent / "python"
    try:
        said = subprocess.run(
            [python, "-c", _ASK_VERSION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_VERSION_WITHIN_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.strip()


def _access(settings: Settings) -> Iterator[Finding]:
    """Say how this machine comes to its room: credentials, service, token, clock."""
    method = None
    try:
        from sleap_rtc.worker.credentials import credentials_method, in_words

        method = credentials_method()
        told = in_words(method) if method else "none for AWS; jobs go through the service, with the token"
        yield checkup.good("credentials", told)
    except ModuleNotFoundError:
        yield checkup.note(
            "credentials", "unknown: botocore is not installed", "pip install 'sleap-rtc[worker]'"
        )
    except Refused as refused:
        yield checkup.bad("credentials", str(refused), "mend them, or take them away", ExitCode.REFUSED)
    token = settings.token.get_secret_value()
    try:
        service = ServiceHttp(settings.backend_api_url, token)
        sent = time.time()
        there = service.time()
        here = (sent + time.time()) / 2
        yield checkup.good("service", f"{service.url} answers")
    except SleapRtcError as error:
        advice = "look at backend_api_url (SLEAP_RTC_BACKEND_API_URL) and the network"
        yield checkup.bad("service", str(error), advice, error.exit_code)
        return
    yield _of_token(service, token, method)
    if there is not None:
        yield checkup.of_clock(here - there.timestamp())


def _of_token(service: ServiceHttp, token: str, method: str | None) -> Finding:
    if not token:
        if method is not None:
            return checkup.note("token", "none", "nobody can watch this worker's jobs live without one")
        advice = "set SLEAP_RTC_TOKEN, or give this machine AWS credentials"
        return checkup.bad("token", "none, and no AWS credentials either", advice, ExitCode.REFUSED)
    try:
        rooms = service.ask_list("/api/rooms", RoomView)
    except SleapRtcError as error:
        return checkup.bad("token", str(error), "get a new one", error.exit_code)
    return checkup.good("token", f"valid, for {len(rooms)} room{'' if len(rooms) == 1 else 's'}")


def _disks(settings: Settings) -> Iterator[Finding]:
    kind = worker_kind(os.environ, settings.worker_kind)
    cache = settings.cache_dir or cache_folder(kind, settings.data_dir, Path(tempfile.gettempdir()))
    for what, folder in (("disk for jobs", settings.data_dir), ("disk for datasets", cache)):
        there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
        writable = os.access(there, os.W_OK | os.X_OK)
        free = shutil.disk_usage(there).free
        yield checkup.of_disk(what, str(folder), free, settings.cache_free_floor_bytes, writable=writable)
