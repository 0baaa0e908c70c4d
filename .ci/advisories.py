"""Adapter: asks pip-audit about what is locked; a finding is mended, or explained in advisories.toml.

Exit code 0 if nothing is left unexplained, or nobody could be asked; 1 if something is.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parent
LOCKS = HERE.parent / "requirements"
# What runs at people's places; the tools of the developers are not among them.
SHIPPED = ("service.txt", "worker.txt", "local.txt", "sleap-nn.txt", "build.txt")
_NOBODY = "pip-audit: the advisory database cannot be reached; nothing was checked"
_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True)
class Verdict:
    """What the lines say, and whether they are to stop a release."""

    lines: Sequence[str]
    fails: bool


def judge(packages: Sequence[Any], explained: Mapping[str, Mapping[str, Any]], today: date) -> Verdict:
    """Weigh what pip-audit found.

    Args:
        packages: as its JSON has them; none where it could not ask.
        explained: by the id of the advisory: `reason`, and `until` when that is believed.
        today: the date.
    """
    asked = [package for package in packages if "skip_reason" not in package]
    if not asked:
        return Verdict([_NOBODY], fails=False)
    known: set[str] = set()
    lines = []
    for package in asked:
        for found in package["vulns"]:
            ids = {found["id"], *found.get("aliases", ())}
            known |= ids
            entry = next((explained[each] for each in sorted(ids) if each in explained), None)
            if entry is None or entry["until"] < today:
                why = "is not explained" if entry is None else f"was explained until {entry['until']}"
                fixed = ", ".join(found["fix_versions"]) or "no version"
                lines.append(f"{package['name']} {package['version']}: {found['id']} {why}; fixed in {fixed}")
    stale = [each for each in explained if each not in known]
    lines += [f"advisories.toml explains {each}, which nothing has any more: remove it" for each in stale]
    skipped = len(packages) - len(asked)
    told = f"pip-audit: {len(asked)} packages checked, {skipped} unknown to the database"
    return Verdict([*lines, told], fails=bool(lines))


def layers(locks: Sequence[str]) -> list[list[str]]:
    """Return what the texts of locks pin, in lists of which none has two versions of a package."""
    versions: dict[str, set[str]] = {}
    for name, version in _PIN.findall("\n".join(locks)):
        versions.setdefault(name, set()).add(version)
    most = max(map(len, versions.values()))
    pins = {name: sorted(f"{name}=={version}" for version in found) for name, found in versions.items()}
    return [[found[layer] for found in pins.values() if layer < len(found)] for layer in range(most)]


def ask(pins: Sequence[str]) -> list[Any] | None:
    """Return what pip-audit says of packages; None where it cannot ask."""
    command = [str(Path(sys.executable).parent / "pip-audit"), "--format", "json"]
    command += ["--progress-spinner", "off", "--disable-pip", "--no-deps", "--requirement"]
    with NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as wanted:
        wanted.write("\n".join(pins))
        wanted.flush()
        told = subprocess.run([*command, wanted.name], capture_output=True, encoding="utf-8", check=False)
    try:
        return list(json.loads(told.stdout)["dependencies"])
    except ValueError:
        if "requests.exceptions" in told.stderr or "ServiceError" in told.stderr:
            return None
        raise SystemExit(told.stderr) from None


def main() -> int:
    """Ask, weigh and tell; return the exit code."""
    explained = tomllib.loads((HERE / "advisories.toml").read_text("utf-8"))
    packages: list[Any] = []
    for pins in layers([(LOCKS / lock).read_text("utf-8") for lock in SHIPPED]):
        told = ask(pins)
        if told is None:
            packages = []
            break
        packages += told
    verdict = judge(packages, explained, datetime.now(UTC).date())
    sys.stdout.writelines(f"{line}\n" for line in verdict.lines)
    return int(verdict.fails)


if __name__ == "__main__":
    sys.exit(main())
