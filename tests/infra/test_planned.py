"""What the tests here read out of the Terraform's files is what Terraform plans.

Run with `make test-infra`, where a provider is that knows the schema of AWS and needs no account.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.hcl import Module
from support.terraform_modules import INPUTS

MODULES = Path(__file__).parents[2] / "infra/terraform/modules"
TERRAFORM = os.environ.get("SLEAP_RTC_TEST_TERRAFORM", "")
# Of the person, not of the test: the provider is made there once.
CACHE = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
pytestmark = pytest.mark.skipif(
    not TERRAFORM, reason="SLEAP_RTC_TEST_TERRAFORM names no terraform that plans without AWS"
)


def terraform(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [TERRAFORM, f"-chdir={folder}", *arguments],
        env={**os.environ, "XDG_CACHE_HOME": CACHE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def differences(read: Any, planned: Any, where: str = "") -> list[str]:
    """Return where what was read is not what is planned; what is not known before an apply has no say."""
    match read, planned:
        case str(), _ if "${" in read:
            return []
        case dict(), dict():
            return [
                found
                for key, value in read.items()
                if key != "depends_on"
                for found in differences(value, planned.get(key), f"{where}.{key}")
            ]
        case list(), list() if len(read) == len(planned):
            plain = all(isinstance(value, str) for value in read)
            pairs = (
                zip(sorted(read), sorted(planned), strict=True) if plain else zip(read, planned, strict=True)
            )
            return [found for left, right in pairs for found in differences(left, right, f"{where}[]")]
        case _:
            return [] if read == planned else [f"{where}: {read!r} was read, {planned!r} is planned"]


@pytest.mark.parametrize("module", ["storage", "eventing", "keys"])
@pytest.mark.parametrize("key", [None, "a customer key"])
def test_what_is_read_is_what_is_planned(module: str, key: str | None, tmp_path: Path) -> None:
    folder = tmp_path / module
    shutil.copytree(MODULES / module, folder)
    read = Module(folder)
    inputs = {name: value for name, value in INPUTS.items() if name in read.inputs}
    if key and "kms_key_arn" in read.inputs:
        inputs["kms_key_arn"] = "arn:aws:kms:us-west-2:123456789012:key/1111"
    (folder / "terraform.tfvars.json").write_text(json.dumps(inputs), "utf-8")
    terraform(folder, "init", "-backend=false", "-input=false")
    terraform(folder, "plan", "-input=false", "-refresh=false", f"-out={folder / 'plan'}")
    planned = json.loads(terraform(folder, "show", "-json", str(folder / "plan")))
    resources = planned["planned_values"]["root_module"]["resources"]
    assert len(resources) >= 2
    for resource in resources:
        values = Module(folder, inputs).resource(resource["type"], resource["name"])
        values.pop("count", None)
        assert differences(values, resource["values"], resource["address"]) == []
