"""The live environments' Terraform, with a provider that knows the schema and reaches nobody."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OFFLINE = ROOT.parent / "shared" / "tools" / "terraform-offline" / "tf"
if not OFFLINE.is_file():
    OFFLINE = ROOT.parent.parent / "shared" / "tools" / "terraform-offline" / "tf"
# Where the offline provider is kept once it was made, which takes a while: not in the home of a test.
WITH_CACHE = {**os.environ, "HOME": pwd.getpwuid(os.getuid()).pw_dir}
TFVARS = {
    "account_id": "210987654321",
    "region": "us-west-2",
    "hostname": "sleap.example.org",
    "certificate_arn": "arn:aws:acm:us-west-2:210987654321:certificate/11111111-2222-3333-4444-555555555555",
    "image": "210987654321.dkr.ecr.us-west-2.amazonaws.com/sleap-rtc-service:0.1.0",
}


def tfvars(**changed: str) -> str:
    """Return the values of an environment as a file has them."""
    lines = [f'{name} = "{value}"' for name, value in {**TFVARS, **changed}.items()]
    return "\n".join([*lines, 'notify_emails = ["lab@example.org"]', "monthly_budget_usd = 400", ""])


def offline_live(folder: Path, environment: str) -> Path:
    """Return the root of an environment in a copy of the Terraform whose state lies beside it."""
    copy = folder / "terraform"
    shutil.copytree(
        ROOT / "infra" / "terraform", copy, ignore=shutil.ignore_patterns(".terraform*", "*.tfvars")
    )
    root = copy / "live" / environment
    (root / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    (root / "terraform.tfvars").write_text(tfvars())
    return root


def planned_outputs(root: Path) -> dict[str, Any]:
    """Plan an environment; return what its outputs would be, as far as that is known before."""
    for arguments in (("init", "-input=false"), ("plan", "-input=false", "-out=plan")):
        subprocess.run(
            [OFFLINE, f"-chdir={root}", *arguments], check=True, capture_output=True, env=WITH_CACHE
        )
    shown = subprocess.run(
        [OFFLINE, f"-chdir={root}", "show", "-json", "plan"],
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    changes = json.loads(shown.stdout)["output_changes"]
    return {name: change["after"] for name, change in changes.items() if "after" in change}
