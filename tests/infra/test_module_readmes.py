"""A module's README names all that it takes and gives, and shows an example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

MODULES = Path(__file__).parents[2] / "infra" / "terraform" / "modules"


@pytest.mark.parametrize("module", ["identity", "service", "alarms", "workers"])
def test_a_readme_names_every_input_and_output(module: str) -> None:
    text = (MODULES / module / "README.md").read_text("utf-8")
    for file, kind in (("variables.tf", "variable"), ("outputs.tf", "output")):
        names = re.findall(rf'^{kind} "(\w+)"', (MODULES / module / file).read_text("utf-8"), re.MULTILINE)
        assert names
        assert [name for name in names if f"| `{name}` |" not in text] == []
    assert f'source = "../../modules/{module}"' in text
