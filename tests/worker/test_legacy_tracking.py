"""Inference for clients of the existing tool, with a program called sleap-nn that does as it is asked."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from support.legacy_lab import legacy_lab
from support.legacy_packages import write_zip
from support.loop import in_loop

from sleap_rtc.live.legacy_frames import (
    EndOfFile,
    FileMeta,
    InferenceError,
    InferenceJobEnd,
    InferenceJobError,
    InferenceJobsDone,
    InferenceJobStart,
    InferenceStart,
)

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.local.issuer import LocalIssuer

PROGRAM = """#!{python}
import sys
print("tracking:", *sys.argv[1:])
if "fail.slp" in sys.argv:
    raise SystemExit(3)
open(sys.argv[-1], "wb").write(b"predictions")
"""
JOB = "inference"


@pytest.fixture
def engine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "sleap-nn"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def package(tmp_path: Path, labels: str = "labels.slp", top: str = "") -> Path:
    script = f"sleap-nn track \\\n  --data_path {labels} \\\n  -o predictions.slp\n"
    content = {f"{top}track-script.sh": script, f"{top}{labels}": "labels"}
    return write_zip(tmp_path / "track_package.zip", content)


@pytest.mark.parametrize("top", ["", "track_package/"])
@pytest.mark.usefixtures("engine")
def test_predictions_come_back(token_issuer: LocalIssuer, tmp_path: Path, top: str) -> None:
    @in_loop
    async def story() -> None:
        async with legacy_lab(token_issuer, tmp_path) as lab, lab.client() as client:
            await client.send(package(tmp_path, top=top), "track")
            assert await client.finished() == [
                InferenceStart(),
                InferenceJobStart(JOB),
                InferenceJobEnd(JOB),
                FileMeta("predictions.slp", 11, "models"),
                EndOfFile(),
                InferenceJobsDone(),
            ]
            assert client.heard.content == b"predictions"
            assert client.lines == ["tracking: track --data_path labels.slp -o predictions.slp"]

    story()


@pytest.mark.usefixtures("engine")
@in_loop
async def test_an_inference_that_fails_is_told_of(token_issuer: LocalIssuer, tmp_path: Path) -> None:
    async with legacy_lab(token_issuer, tmp_path) as lab, lab.client() as client:
        await client.send(package(tmp_path, "fail.slp"), "track")
        told = await client.finished()
        assert told[-2:] == [InferenceJobError(JOB, "3"), InferenceJobsDone()]
        await client.until_available()


@in_loop
async def test_an_inference_without_an_engine_is_told_of(
    token_issuer: LocalIssuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    async with legacy_lab(token_issuer, tmp_path) as lab, lab.client() as client:
        await client.send(package(tmp_path), "track")
        error, done = await client.finished()
        assert isinstance(error, InferenceError)
        assert "sleap-nn is not installed" in error.why
        assert done == InferenceJobsDone()
        await client.until_available()
