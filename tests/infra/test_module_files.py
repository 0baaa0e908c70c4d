"""Every module has what its users need: its files, pinned versions, described inputs, a whole README."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import hcl2
import pytest

MODULES = Path(__file__).parents[2] / "infra/terraform/modules"
FOLDERS = sorted({path.parent for path in MODULES.glob("*/*.tf")})


@lru_cache
def parsed(path: Path) -> dict[str, Any]:
    return hcl2.loads(path.read_text("utf-8"))


def blocks(folder: Path, kind: str) -> dict[str, dict[str, Any]]:
    return {
        name.strip('"'): body
        for path in sorted(folder.glob("*.tf"))
        for found in parsed(path).get(kind, [])
        for name, body in found.items()
        if name != "__is_block__"
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_module_has_all_its_files(folder: Path) -> None:
    for name in ("variables.tf", "outputs.tf", "versions.tf", "README.md"):
        assert (folder / name).is_file(), name
    assert list((folder / "tests").glob("*.tftest.hcl"))
    versions = (folder / "versions.tf").read_text("utf-8")
    assert set(re.findall(r'source\s*=\s*"(.*)"', versions)) <= {"hashicorp/aws"}
    assert "required_version" in versions


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_input_says_what_it_is_and_refuses_what_it_cannot_be(folder: Path) -> None:
    handed_on = {str(value) for module in blocks(folder, "module").values() for value in module.values()}
    for name, body in blocks(folder, "variable").items():
        assert body.get("description"), name
        assert body.get("type"), name
        anything_goes = any(kind in str(body["type"]) for kind in ("bool", "map(string)"))
        assert "validation" in body or anything_goes or f"${{var.{name}}}" in handed_on, name


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_readme_has_every_input_and_output(folder: Path) -> None:
    text = (folder / "README.md").read_text("utf-8")
    for name, body in {**blocks(folder, "variable"), **blocks(folder, "output")}.items():
        assert f"`{name}`" in text, name
        assert body.get("description"), name
