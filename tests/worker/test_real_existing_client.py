"""The existing tool's own `client-train` at our worker, where a checkout of it is given by path.

    git -C existing checkout 3b8e718 && python3 -m venv existing/.venv
    existing/.venv/bin/pip install aiortc websockets requests loguru click pyzmq jsonpickle
    SLEAP_RTC_TEST_EXISTING_TOOL=existing pytest tests/worker/test_real_existing_client.py

Its client does not end by itself; it is ended once it says that its results are saved.
"""

from __future__ import annotations

import asyncio
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.legacy_lab import WORKER_ID, legacy_lab
from support.legacy_packages import JOB, training_package
from support.loop import in_loop, until

from sleap_rtc.live.session_string import Session, session_string
from sleap_rtc.storage.checksum import crc64nvme, to_text

if TYPE_CHECKING:
    from support.legacy_lab import LegacyLab

    from sleap_rtc.local.issuer import LocalIssuer

CHECKOUT = os.environ.get("SLEAP_RTC_TEST_EXISTING_TOOL", "")
HERE = str(Path(CHECKOUT).resolve())
PYTHON = os.environ.get("SLEAP_RTC_TEST_EXISTING_PYTHON", f"{HERE}/.venv/bin/python")
pytestmark = pytest.mark.skipif(
    not CHECKOUT, reason="SLEAP_RTC_TEST_EXISTING_TOOL names no checkout of the existing tool"
)


async def saved_by_the_existing_client(lab: LegacyLab, folder: Path, package: Path, *how: str) -> str:
    """Run `client-train` until its results are saved; return what it said."""
    environment = {
        **os.environ,
        "PYTHONPATH": HERE,
        "SLEAP_RTC_SIGNALING_WS": lab.hall.ws_url,
        "SLEAP_RTC_SIGNALING_HTTP": lab.hall.http_url,
    }
    command = ("-m", "sleap_rtc.cli", "client-train", "--pkg_path", str(package), *how)
    process = await asyncio.create_subprocess_exec(
        PYTHON,
        *command,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=1 << 22,
    )
    said = ""
    assert process.stdout is not None
    try:
        while "File saved as" not in said and (line := await process.stdout.readline()):
            said += line.decode(errors="replace")[:300]
    finally:
        process.kill()
        await process.wait()
    return said


@pytest.mark.parametrize("by_session", [True, False])
def test_it_has_its_package_trained_and_saves_the_model(
    token_issuer: LocalIssuer, tmp_path: Path, by_session: bool
) -> None:
    package = training_package(tmp_path / "labels.v001.zip")
    folder, work = tmp_path / "client", tmp_path / "work"
    folder.mkdir()
    work.mkdir()

    @in_loop
    async def story() -> None:
        async with legacy_lab(token_issuer, work) as lab:
            signed_in_with = lab.hall.signaling.room_tokens
            token = signed_in_with.open(lab.room_id, "ada", lab.hall.signaling.now()).token
            session = session_string(Session(room_id=lab.room_id, token=token, worker_id=WORKER_ID))
            by_room = ("--room-id", lab.room_id, "--token", token, "--auto-select")
            how = ("--session_string", session) if by_session else by_room
            said = await saved_by_the_existing_client(lab, folder, package, *how)
            assert "File saved as: trained_labels.v001.zip" in said
            await until(lambda: bool(lab.kept.records))
            assert lab.kept.records[0].dataset_checksum == to_text(crc64nvme(content_of(package)))

    story()
    with zipfile.ZipFile(folder / "trained_labels.v001.zip") as results:
        assert f"{JOB}/best.ckpt" in results.namelist()


def content_of(path: Path) -> bytes:
    return path.read_bytes()
