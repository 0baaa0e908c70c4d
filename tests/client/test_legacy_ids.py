"""What the existing tool called models."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from sleap_rtc.client.legacy_ids import legacy_client_id

if TYPE_CHECKING:
    from pathlib import Path

CONFIGS = (
    "training_config.yaml",
    "training_config.yml",
    "config.yaml",
    "config.yml",
    "training_config.json",
    "config.json",
    "training_job.json",
)


@pytest.mark.parametrize("first", range(len(CONFIGS)))
def test_the_first_configuration_makes_the_clients_id(tmp_path: Path, first: int) -> None:
    for name in CONFIGS[first:]:
        (tmp_path / name).write_text(f"of {name}\r\n", encoding="utf-8", newline="")
    text = f"of {CONFIGS[first]}\r\n".encode()
    assert legacy_client_id(tmp_path) == hashlib.md5(text).hexdigest()[:8]


def test_the_id_is_known_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"epochs: 3\n")
    assert legacy_client_id(tmp_path) == "f2413676"


def test_without_a_configuration_there_is_no_id(tmp_path: Path) -> None:
    (tmp_path / "best.ckpt").touch()
    assert legacy_client_id(tmp_path) is None
