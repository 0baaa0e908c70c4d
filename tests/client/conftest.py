"""Fixtures: a registry in a folder of its own, empty or with a file of the existing tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from client.registry_vocabulary import GOLDEN, NOON

from sleap_rtc.client.model_registry import ClientModelRegistry

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the manifest will be."""
    return tmp_path / "models" / "manifest.json"


@pytest.fixture
def registry(path: Path) -> ClientModelRegistry:
    return ClientModelRegistry(path, clock=lambda: NOON)


@pytest.fixture
def legacy(path: Path) -> ClientModelRegistry:
    path.parent.mkdir()
    path.write_bytes(GOLDEN.read_bytes())
    return ClientModelRegistry(path, clock=lambda: NOON)
